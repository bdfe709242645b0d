"""Every parameter of every endpoint of auth: missing, empty, doubled, 8 KB, 1 MB, non-ASCII, NUL, of another type."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, hidden_fields, start
from tests.security.auth_openapi import FORMS, format_of
from tests.security.test_auth_fuzz import FORM, LIMITS, check

MARK = "zq9"
VALUES: dict[str, list[str]] = {
    "missing": [],
    "empty": [""],
    "doubled": ["{}", "{}"],
    "doubled and empty": ["{}", ""],
    "8 KB": [MARK + "x" * 8192],
    "1 MB": [MARK + "x" * 1_000_000],
    "non-ASCII": [MARK + "\u00e4\u202e\U0001fad6"],
    "NUL": [MARK + "\0"],
    "a number": ["-1"],
    "a huge number": ["9" * 400],
    "a list": ["[1,2]"],
    "an object": ['{"a": {"b": null}}'],
    "a script": [MARK + "<script>alert(1)</script>"],
    "line ends": [MARK + "\r\nSet-Cookie: x=1"],
}
ENDPOINTS = [(method, path) for (method, path), parameters in FORMS.items() if parameters]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = start(tmp_path_factory.mktemp("bad_parameters"), SettableClock(), **LIMITS)
    yield running
    stop(running)


def send(browser: Browser, method: str, path: str, pairs: list[tuple[str, str]]) -> httpx2.Response:
    content = urlencode(pairs)
    if method == "get":
        return browser.get(f"{path}?{content}")
    return browser.http.post(path, content=content, headers={"Content-Type": FORM})


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_a_bad_parameter_is_answered_in_the_endpoints_own_format(
    provider: Provider, method: str, path: str, kind: str
) -> None:
    if method == "get" and kind == "1 MB":
        return  # no client can build such an address here, and the server ends the connection before any code of ours
    browser = provider.browser()
    fields = {**FORMS[method, path], **hidden_fields(browser.open())}
    known = {name: fields[name] for name in FORMS[method, path]}
    for name, right in known.items():
        others = [(key, value) for key, value in known.items() if key != name and value]
        values = [value.format(right or "x") if "{}" in value else value for value in VALUES[kind]]
        response = send(browser, method, path, [*others, *((name, value) for value in values)])
        check(path, {}, response)
        assert MARK not in response.text or response.status_code < 400, name
        assert "x=1" not in response.headers.get("set-cookie", ""), name
        if kind == "1 MB":
            assert response.status_code == 413, name


@pytest.mark.parametrize("kind", ["doubled", "doubled and empty"])
@pytest.mark.parametrize("path", [path for _, path in ENDPOINTS if format_of(path) == "oauth"])
def test_a_doubled_parameter_is_an_invalid_request(provider: Provider, path: str, kind: str) -> None:
    """OAuth 2.1 s3.2: resource alone may repeat."""
    known: dict[str, Any] = {name: value or "x" for name, value in FORMS["post", path].items()}
    for name, right in known.items():
        if name in {"resource", "audience"}:
            continue
        values = [value.format(right) for value in VALUES[kind]]
        pairs = [*((key, value) for key, value in known.items() if key != name), *((name, value) for value in values)]
        response = send(provider.browser(), "post", path, pairs)
        assert response.status_code in {400, 401}, name
        assert response.json()["error"] in {"invalid_request", "invalid_client"}, name


def test_the_formats_are_told_apart() -> None:
    assert {format_of(path) for _, path in FORMS} == {"page", "oauth", "challenge", "problem"}
