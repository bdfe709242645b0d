"""Schema-driven fuzz of every endpoint of auth: no 5xx, no open redirect, nothing reflected, errors in their format.

500 cases in all, the same ones at every run; 5,000 with SOAK=1.
"""

import html
import math
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, hidden_fields, start
from tests.security.auth_openapi import BUILT, FORMS, document, format_of
from tests.support.own_script import without_own_script
from tests.support.soak import SOAK, cases

FORM = "application/x-www-form-urlencoded"
LIMITS = dict.fromkeys(("rate_limit_authorize", "rate_limit_token", "rate_limit_sign_in"), "1000000/minute")
#: Where a browser may be sent: the registered addresses of the seeded clients.
ADDRESSES = ("myapp://callback", "com.company.myapp:/callback", "https://app.company.localhost/callback")
OPERATIONS = {
    operation.label: operation
    for found in schemathesis.openapi.from_dict(document()).get_all_operations()
    if (operation := getattr(found, "ok", lambda: None)()) is not None
}
#: `changed`: the right request but for some parameters; `negative`: against the schema, where it forbids anything.
RUNS = [(label, "changed") for label in OPERATIONS] + [
    (label, "negative")
    for label, operation in OPERATIONS.items()
    if FORMS[operation.method, operation.path] or "{" in operation.path
]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = start(tmp_path_factory.mktemp("fuzz"), SettableClock(), **LIMITS)
    yield running
    stop(running)


def test_every_route_is_described() -> None:
    """A new endpoint is fuzzed from its first day: describe it in auth_openapi.py."""
    assert BUILT - set(FORMS) == set()


@pytest.mark.timeout(3600 if SOAK else 120)
@pytest.mark.parametrize(("label", "way"), RUNS)
def test_whatever_is_sent_the_answer_is_one_of_the_endpoints_own(provider: Provider, label: str, way: str) -> None:
    operation = OPERATIONS[label]
    method, path = operation.method, operation.path
    browser = provider.browser()
    known = {**FORMS[method, path], **hidden_fields(browser.open())}
    if "action" in FORMS[method, path]:
        known["action"] = FORMS[method, path]["action"]
    mode = GenerationMode.POSITIVE if way == "changed" else GenerationMode.NEGATIVE

    @settings(
        max_examples=math.ceil(cases(500, full=5_000) / len(RUNS)),  # so that all together are what was asked for
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def send(case: Case[Any], data: st.DataObject) -> None:
        sent = case.query if method == "get" else case.body
        if way == "changed" and isinstance(sent, dict):
            changed = data.draw(st.sets(st.sampled_from(sorted(known)), max_size=3))
            sent = {name: sent.get(name, "") if name in changed else known[name] for name in FORMS[method, path]}
        check(path, sent, response_of(browser, method, _path(case, path), sent, case))

    send()


def _path(case: Case[Any], path: str) -> str:
    shard = (case.path_parameters or {}).get("shard", "0")
    return path.replace("{shard}", quote(str(shard), safe="", errors="replace") or "0")


def response_of(browser: Browser, method: str, path: str, sent: Any, case: Case[Any]) -> httpx2.Response:
    headers = [(name.encode(), text) for name, value in (case.headers or {}).items() if (text := _bytes(value))]
    cookies = {name: value for name, value in (case.cookies or {}).items() if str(value).isalnum() and value.isascii()}
    headers += [(b"Cookie", f"{name}={value}".encode()) for name, value in cookies.items()]
    content = _encoded(sent)
    if method == "get":
        return browser.http.request("GET", f"{path}?{content.decode('ascii', 'ignore')}"[:60_000], headers=headers)
    headers.append((b"Content-Type", FORM.encode()))
    return browser.http.request("POST", path, content=content, headers=headers)


def _bytes(value: Any) -> bytes | None:
    text = str(value).encode("latin-1", "ignore").strip()
    return text if text and not set(text) & set(b"\r\n\0") else None


def _encoded(sent: Any) -> bytes:
    if isinstance(sent, Mapping):
        return urlencode({str(name): value for name, value in sent.items()}, doseq=True, errors="replace").encode()
    return str(sent).encode("utf-8", "replace") if isinstance(sent, str | int | float | list | bool) else b""


def check(path: str, sent: Any, response: httpx2.Response) -> None:
    assert response.status_code < 500, response.text
    assert response.status_code not in {422, 307}
    location = response.headers.get("location")
    if location is not None:
        assert response.status_code in {303, 304}
        own = location.startswith("/") and not location.startswith(("//", "/\\"))
        assert own or location.startswith(tuple(f"{address}?" for address in ADDRESSES)), location
        assert not urlsplit(location).fragment
    if response.headers.get("content-type", "").startswith("text/html"):
        for value in sent.values() if isinstance(sent, Mapping) else ():
            risky = isinstance(value, str) and len(value) > 2 and html.escape(value) != value
            assert not risky or value not in response.text, f"reflected: {value!r}"
        assert "<script" not in without_own_script(response.text)
    if 400 <= response.status_code < 500 and response.status_code not in {404, 405}:
        _in_its_own_format(path, response)


def _in_its_own_format(path: str, response: httpx2.Response) -> None:
    kind, content_type = format_of(path), response.headers["content-type"]
    assert response.headers["cache-control"] == "no-store" or kind == "problem"
    if kind == "page":
        assert content_type.startswith("text/html")
        assert 'role="alert"' in response.text or 'id="login"' in response.text or 'id="mfa"' in response.text
    elif kind == "oauth":
        assert content_type == "application/json" and set(response.json()) == {"error", "error_description"}
        assert not set(response.json()["error_description"]) & set('"\\') and response.json()["error"].isascii()
    elif kind == "challenge":
        assert response.status_code == 413 or response.headers["www-authenticate"].startswith("Bearer ")
    else:
        assert content_type == "application/problem+json"
