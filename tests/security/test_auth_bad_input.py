"""Whatever is sent where: a clear 4xx in the endpoint's own format, nothing reflected, never a 5xx."""

from collections.abc import Iterator
from urllib.parse import quote, quote_from_bytes

import httpx2
import pytest

from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, hidden_fields, oauth_error, start
from tests.integration.auth.seeds import APP_LINK, BOB, CHALLENGE, DEEP_LINK, SCOPE, VERIFIER
from tests.support.own_script import without_own_script

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MARK = "zq9-never-by-chance"  # longer than what a random handle could spell
TEXTS = {
    "quote": f"{MARK}\"'`",
    "backslash": f"{MARK}\\",
    "script": f"{MARK}<script>alert(1)</script>",
    "crlf": f"{MARK}\r\nSet-Cookie: x=1",
    "template": MARK + "{{7*7}}%s${x}",
    "sql": f"{MARK}' OR 1=1; --",
    "unicode": f"{MARK}\u202e\ufeff\U0001fad6\ufdfa",
    "brackets": f"https://[{MARK}",
    "8 KB": MARK + "x" * 8192,
    "blank": " ",
}
BYTES = {
    name: MARK.encode() + value
    for name, value in {
        "not UTF-8": b"\xff\xfe",
        "NUL": b"\0",
        "surrogate": b"\xed\xa0\x80",
        "overlong": b"\xc0\xaf",
    }.items()
}

AUTHORIZE = {
    "response_type": "code",
    "client_id": "mobile-app",
    "redirect_uri": DEEP_LINK,
    "scope": SCOPE,
    "state": "s",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "prompt": "login",
    "max_age": "1",
    "login_hint": "a",
    "resource": "http://localhost:9001",
    "response_mode": "query",
    "request": "",
    "request_uri": "",
    "claims": '{"userinfo":{"name":null}}',
    "acr_values": "urn:company:acr:1fa",
    "id_token_hint": "",
    "ui_locales": "en",
    "claims_locales": "en",
    "display": "page",
    "unheard_of": "x",
}
TOKEN = {
    "grant_type": "authorization_code",
    "client_id": "mobile-app",
    "code": "x",
    "redirect_uri": DEEP_LINK,
    "code_verifier": VERIFIER,
    "client_secret": "",
    "resource": "",
    "scope": "",
    "client_assertion": "",
}
REFRESH = {"grant_type": "refresh_token", "client_id": "mobile-app", "refresh_token": "x", "scope": "", "resource": ""}
REVOKE = {"client_id": "mobile-app", "token": "x", "token_type_hint": "", "client_secret": ""}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = start(tmp_path_factory.mktemp("bad_input"), SettableClock())
    yield running
    stop(running)


def encoded(parameters: dict[str, str], name: str, value: bytes) -> str:
    pairs = [f"{key}={quote(text)}" for key, text in parameters.items() if key != name and text]
    return "&".join([*pairs, f"{quote(name)}={quote_from_bytes(value)}"])


def assert_nothing_is_reflected(response: httpx2.Response) -> None:
    assert response.status_code < 500, response.text
    assert "<script" not in without_own_script(response.text)
    assert "x=1" not in response.headers.get("set-cookie", "")
    if response.status_code >= 400:
        assert MARK not in response.text + str(response.headers)
        assert "Traceback" not in response.text


VALUES = [pytest.param(text.encode(), id=name) for name, text in TEXTS.items()] + [
    pytest.param(value, id=name) for name, value in BYTES.items()
]


@pytest.mark.requirement("OIDC-3.1.2.6")
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_authorize_survives_it_in_every_parameter(provider: Provider, method: str, value: bytes) -> None:
    for name in [*AUTHORIZE, "\u00e4", "a b"]:
        query = encoded(AUTHORIZE, name, value)
        if method == "GET":
            response = provider.browser().get(f"/authorize?{query}")
        else:
            response = provider.http.post("/authorize", content=query, headers=FORM)
        assert_nothing_is_reflected(response)
        if value in BYTES.values() or (name in {"client_id", "redirect_uri"} and value != b" "):
            assert response.status_code == 400 and 'id="error"' in response.text, name
        elif response.status_code == 303 and MARK.encode() in value and name != "state":
            assert MARK not in response.headers["location"], name


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(("path", "form"), [("/token", TOKEN), ("/token", REFRESH), ("/revoke", REVOKE)])
def test_the_json_endpoints_survive_it_in_every_parameter(
    provider: Provider, path: str, form: dict[str, str], value: bytes
) -> None:
    for name in [*form, "\u00e4"]:
        response = provider.http.post(path, content=encoded(form, name, value), headers=FORM)
        assert_nothing_is_reflected(response)
        if response.status_code != 200:
            assert oauth_error(response, response.status_code)
        if value in BYTES.values():
            assert oauth_error(response) == "invalid_request"


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("path", ["/login", "/mfa", "/continue"])
def test_the_pages_survive_it_in_every_field(provider: Provider, path: str, value: bytes) -> None:
    browser = provider.browser()
    page = browser.open()
    if path == "/mfa":
        page = browser.enter_password(page, BOB)
    form = {**hidden_fields(page), "otp": "1", "action": "verify", "session": "x"}
    for name in ["request", "csrf", "action", "otp", "session", "unheard_of"]:
        if path == "/login" and name not in {"request", "csrf"}:
            continue  # a password is worth its work: tried in the sign-in's own tests
        response = browser.http.post(path, content=encoded(form, name, value), headers=FORM)
        assert_nothing_is_reflected(response)
        assert_nothing_is_reflected(browser.http.get(f"{path}?{encoded({}, 'request', value)}"))


@pytest.mark.parametrize("name", ["username", "password"])
def test_what_is_typed_at_the_sign_in_is_escaped_or_not_shown(provider: Provider, name: str) -> None:
    provider.sql("DELETE FROM failure_budgets")
    browser = provider.browser(network=f"203.0.113.{len(name)}")
    login = browser.open()
    for text in TEXTS.values():
        response = browser.submit(login, **{"username": "x", "password": "y", "action": "sign-in", name: text})
        assert response.status_code in {400, 429}
        assert "<script" not in without_own_script(response.text)
        assert name == "username" or MARK not in response.text
        provider.sql("DELETE FROM failure_budgets")


@pytest.mark.parametrize("path", ["/authorize", "/token", "/revoke", "/userinfo", "/login"])
def test_a_body_of_a_megabyte_is_too_large(provider: Provider, path: str) -> None:
    response = provider.http.post(path, content=b"x=" + b"y" * 1_000_000, headers=FORM)
    assert response.status_code == 413
    page = response.headers["content-type"].startswith("text/html")
    assert page is (path in {"/authorize", "/login"})


@pytest.mark.parametrize("body", [b"&" * 200, b"a&" * 200, b"=", b"%", b"%zz=%", b"\xff", b"{}", b"a=b&a=c", b""])
@pytest.mark.parametrize("path", ["/authorize", "/token", "/revoke", "/login", "/mfa", "/continue"])
def test_an_odd_body_is_a_400(provider: Provider, path: str, body: bytes) -> None:
    assert provider.http.post(path, content=body, headers=FORM).status_code == 400


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", "", "\u00e4"])
@pytest.mark.parametrize("path", ["/authorize", "/token", "/revoke", "/login"])
def test_another_content_type_is_a_400(provider: Provider, path: str, kind: str) -> None:
    headers = [(b"Content-Type", kind.encode("latin-1"))]
    assert provider.http.post(path, content=b"a=b", headers=headers).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/authorize", "/token", "/revoke", "/userinfo", "/login", "/.well-known/jwks.json"])
def test_another_method_is_a_405_that_names_the_right_ones(provider: Provider, method: str, path: str) -> None:
    response = provider.http.request(method, path)
    assert response.status_code == 405 and response.headers["allow"]
    readers = "*" if path == "/.well-known/jwks.json" else None  # a public document's errors are as public
    assert response.headers.get("access-control-allow-origin") == readers


@pytest.mark.requirement("RFC9700-4.12")
@pytest.mark.parametrize("path", ["/login/", "/authorize/", "/token/", "//evil.example/", "/nope", "/static/../app.py"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_is_never_a_redirect_to_the_host_header(provider: Provider, path: str, method: str) -> None:
    """A 307 would post the password on, to wherever a poisoned Host header says."""
    response = provider.http.request(method, path, headers={"Host": "evil.example"})
    home = path == "//evil.example/" and method == "GET"  # the client reads it as a host, and asks for "/"
    assert response.status_code in ({200} if home else {404, 405})
    assert "evil" not in response.text + str(response.headers)


@pytest.mark.parametrize("host", ["evil.example", "[::1", "a b", "\u00e4", "x" * 5000, ":", "@"])
def test_an_odd_host_header_changes_nothing(provider: Provider, host: str) -> None:
    headers = [(b"Host", host.encode("latin-1")), (b"X-Forwarded-Host", b"evil.example")]
    for path in ("/nope", "/token", "/.well-known/openid-configuration"):
        response = provider.http.get(path, headers=headers)
        assert response.status_code < 500 and "evil" not in response.text + str(response.headers), path


@pytest.mark.parametrize("cookie", ["x", "A" * 43, "\xe4" * 43, '"' * 43, "A" * 8000, "A" * 42 + "\\"])
def test_odd_cookies_are_nobodys(provider: Provider, cookie: str) -> None:
    headers = [(b"Cookie", f"SSO_SESSION={cookie}; SSO_BROWSER={cookie}; SSO_DEVICE={cookie}".encode("latin-1"))]
    query = encoded({**AUTHORIZE, "prompt": "none", "redirect_uri": APP_LINK, "max_age": ""}, "state", b"s")
    response = provider.http.get(f"/authorize?{query}", headers=headers)
    assert response.status_code == 303 and "error=login_required" in response.headers["location"]
