"""What every page carries: a strict policy, and a form that may end at its own client's address alone."""

import re

import pytest

from tests.integration.auth.provider import Browser, Provider
from tests.integration.auth.seeds import APP_LINK, BOB, DEEP_LINK, LOOPBACK, PARTNER


def policy_of(headers: dict[str, str]) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in headers["content-security-policy"].split(";")]
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("uri", [DEEP_LINK, APP_LINK, LOOPBACK])
def test_no_page_rules_where_a_form_may_lead(provider: Provider, uri: str) -> None:
    """Browsers apply form-action to what the client's callback does next, and strand the person on our page."""
    browser = provider.browser()
    login = browser.open(redirect_uri=uri)
    mfa = browser.enter_password(login, BOB)
    wrong = browser.enter_otp(mfa, "000000")
    browser.enter_otp(wrong)
    continued = browser.open(redirect_uri=uri, prompt="select_account")
    assert ['id="password"' in login.text, 'id="otp"' in mfa.text, 'id="continue"' in continued.text] == [True] * 3
    for page in (login, mfa, wrong, continued):
        assert "form-action" not in policy_of(dict(page.headers))


@pytest.mark.requirement("RFC9700-4.16", "RFC9700-4.2.4-referrer", "OIDC-3.1.2.3")
def test_every_page_is_under_the_same_strict_policy(browser: Browser) -> None:
    """RFC 9700 s4.16 (framing), s4.2.4 (referrer); nothing is cached, nothing is loaded from elsewhere."""
    pages = [browser.open(), browser.get("/nope"), browser.authorize(client_id="x"), browser.get("/login")]
    pages.append(browser.enter_password(pages[0], ("alice", "wrong")))
    for page in pages:
        policy = policy_of(dict(page.headers))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == "'self'" and "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["cross-origin-opener-policy"] == "unsafe-none"
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert re.findall("<script[^>]*>", page.text) == re.findall('<script src="/static/[^>]*>', page.text)
        assert "</script>" in page.text and " style=" not in page.text and "<style" not in page.text
        assert "http://" not in page.text.replace("http://www.w3.org", "") and "https://" not in page.text


def test_a_popups_opener_is_kept_on_the_way_of_a_client_and_has_no_hold_on_any_other_page(browser: Browser) -> None:
    """A client that signs in by a popup waits for it as its opener, to the end; a page that approves has none."""
    on_the_way = [browser.open(**PARTNER), browser.get("/nope")]
    on_the_way.append(browser.enter_password(on_the_way[0], ("alice", "wrong")))
    on_the_way.append(browser.sign_in(**PARTNER))
    on_the_way.append(browser.authorize(**{**PARTNER, "response_mode": "form_post", "prompt": "none"}))
    assert 'id="allow"' in on_the_way[3].text and 'method="post"' in on_the_way[4].text
    for page in on_the_way:
        assert page.headers["cross-origin-opener-policy"] == "unsafe-none"
    elsewhere = [browser.open(), browser.get("/logout"), browser.get("/"), browser.get("/forgot")]
    assert 'id="continue"' in elsewhere[0].text and 'id="confirm-logout"' in elsewhere[1].text
    for page in elsewhere:
        assert page.headers["cross-origin-opener-policy"] == "same-origin"


def test_a_page_works_without_javascript_and_has_the_promised_elements(browser: Browser) -> None:
    login = browser.open()
    for element in ("form id=login", "input id=username", "input id=password", "button id=sign-in", "button id=cancel"):
        tag, _, identifier = element.partition(" id=")
        assert f'<{tag} id="{identifier}"' in login.text, element
    mfa = browser.enter_password(login, BOB)
    for identifier in ("mfa", "otp", "verify", "cancel"):
        assert f'id="{identifier}"' in mfa.text


def test_a_clients_name_is_escaped(browser: Browser) -> None:
    page = browser.open(client_id="other-app", redirect_uri="com.example.other:/callback", scope="openid")
    assert "Other &lt;b&gt;App&lt;/b&gt;" in page.text and "<b>" not in page.text


@pytest.mark.requirement("RFC9700-4.2.4-referrer")
def test_redirects_are_not_cached_and_tell_no_referrer(browser: Browser) -> None:
    response = browser.authorize()
    assert (response.headers["cache-control"], response.headers["referrer-policy"]) == ("no-store", "no-referrer")


@pytest.mark.requirement("RFC9700-2.6-cors")
def test_no_page_may_be_read_from_another_origin(refusing: Provider) -> None:
    """RFC 9700 s2.6: no CORS at the authorization endpoint."""
    headers = {"Origin": "https://evil.example"}
    for path in ("/authorize", "/login", "/mfa", "/continue"):
        assert "access-control-allow-origin" not in refusing.http.get(path, headers=headers).headers


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/openid-configuration",
        "/.well-known/jwks.json",
        "/userinfo",
        "/static/style.css",
        "/authorize",
        "/x",
    ],
)
def test_no_answer_may_be_sniffed_for_another_type(refusing: Provider, path: str) -> None:
    """A JSON answer or a file of ours that a browser takes for a script or a page; and the header comes once."""
    assert refusing.http.get(path).headers.get_list("x-content-type-options") == ["nosniff"]
