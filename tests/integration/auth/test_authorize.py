"""GET and POST /authorize: what is a page, what is a redirect, and what comes back (RFC 6749 s4.1.2.1, RFC 9207)."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from services.auth.protocol.authorization_request_checks import MAX_LENGTH
from tests.integration.auth.provider import Browser, Provider, answer_of, error_of
from tests.integration.auth.seeds import CHALLENGE, DEEP_LINK, LOOPBACK


def assert_is_a_page(response: httpx2.Response, code: str) -> None:
    assert response.status_code == 400
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<code id="error-code">{code}</code>' in response.text
    assert error_of(response)
    assert "location" not in response.headers


# ---------------------------------------------------------------- never redirected


@pytest.mark.requirement("RFC9700-4.11.2", "OIDC-3.1.2.6")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": None}, "missing_client"),
        ({"client_id": ""}, "missing_client"),
        ({"client_id": "nobody"}, "unknown_client"),
        ({"client_id": "MOBILE-APP"}, "unknown_client"),
        ({"redirect_uri": None}, "missing_redirect_uri"),
        ({"redirect_uri": ""}, "missing_redirect_uri"),
        ({"redirect_uri": "https://evil.example/"}, "unregistered_redirect_uri"),
        ({"redirect_uri": "myapp://callback/"}, "unregistered_redirect_uri"),
        ({"redirect_uri": "myapp://callback?x=1"}, "unregistered_redirect_uri"),
        ({"redirect_uri": "http://127.0.0.1:80@evil.example/callback"}, "unregistered_redirect_uri"),
        ({"redirect_uri": "http://localhost:8080/callback"}, "unregistered_redirect_uri"),
        ({"redirect_uri": "javascript:alert(1)"}, "unregistered_redirect_uri"),
    ],
)
def test_without_a_good_client_and_address_nothing_is_redirected(
    refusing: Provider, changes: dict[str, str | None], code: str
) -> None:
    """RFC 9700 s4.11.2: never an open redirector."""
    assert_is_a_page(refusing.browser().authorize(**changes), code)


@pytest.mark.requirement("RFC9700-4.11.2")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_or_address_is_a_page(browser: Browser, name: str) -> None:
    link = str(browser.authorize().request.url)
    for again in ("evil", "", {"client_id": "mobile-app", "redirect_uri": DEEP_LINK}[name]):
        assert_is_a_page(browser.get(f"{link}&{name}={again}"), "repeated_parameter")


def test_a_disabled_client_is_unknown(provider: Provider, browser: Browser) -> None:
    provider.sql("UPDATE clients SET disabled_at = '2030-01-01 00:00:00' WHERE client_id = 'mobile-app'")
    assert_is_a_page(browser.authorize(), "unknown_client")


# ---------------------------------------------------------------- told to the client


@pytest.mark.requirement(
    "RFC9700-2.1.1",
    "OAUTH21-4.1.1",
    "OIDC-3.1.2.1-prompt-none",
    "OIDC-3.1.2.6",
    "RFC9207-2",
    "ASVS-10.4.6",
    "RFC9700-2.1.2",
)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "code id_token token"}, "unsupported_response_type"),
        ({"response_type": 'co"de'}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": " "}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),  # would mean plain
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "A"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "\n"}, "invalid_request"),
        ({"code_challenge": "a" * 128 + "\n"}, "invalid_request"),
        ({"code_challenge": "\u00e4" * 43}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "unknown:scope"}, "invalid_scope"),
        ({"scope": "openid crm:read:all"}, "invalid_scope"),
        ({"resource": "https://evil.example"}, "invalid_target"),
        ({"resource": "https://[evil"}, "invalid_target"),
        ({"resource": "http://localhost:9002", "scope": "openid crm:read"}, "invalid_target"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "1e3"}, "invalid_request"),
        ({"max_age": "9" * 31}, "invalid_request"),
        ({"max_age": "\u0661"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/request"}, "request_uri_not_supported"),
        ({"authorization_details": '[{"type":"payment"}]'}, "invalid_authorization_details"),
        ({"state": "s" * 4097}, "invalid_request"),
        ({"nonce": "n" * 4097}, "invalid_request"),
    ],
)
@pytest.mark.parametrize("uri", [DEEP_LINK, LOOPBACK])
def test_other_errors_go_to_the_client_with_state_and_issuer(
    refusing: Provider, uri: str, changes: dict[str, str | None], error: str
) -> None:
    response = refusing.browser().authorize(**{"redirect_uri": uri, **changes})
    assert response.status_code == 303
    assert response.headers["location"].startswith(f"{uri}?error={error}&")
    answer = answer_of(response)
    assert answer["error"] == error
    state = changes.get("state") or "a state"
    assert answer.get("state") == (state if len(state) <= MAX_LENGTH else None)  # one that is refused is not echoed
    assert answer["iss"] == "http://localhost:9000"
    assert "code" not in answer
    assert "eyJ" not in answer["error_description"] and "evil" not in answer["error_description"]


@pytest.mark.requirement("OAUTH21-3.1")
@pytest.mark.parametrize("name", ["state", "scope", "code_challenge", "nonce", "prompt", "unheard_of"])
def test_a_repeated_parameter_is_told_to_the_client(browser: Browser, name: str) -> None:
    """OAuth 2.1: only `resource` may repeat."""
    link = str(browser.authorize(unheard_of="x", prompt="login").request.url)
    answer = answer_of(browser.get(f"{link}&{name}=again"))
    assert answer["error"] == "invalid_request"
    assert ("state" in answer) is (name != "state"), "one of two states is nobody's"


def test_without_state_there_is_none_in_the_answer(browser: Browser) -> None:
    assert "state" not in answer_of(browser.authorize(state=None, scope="x"))
    assert "state" not in answer_of(browser.authorize(state="", scope="x")), "empty means absent"


@pytest.mark.requirement("OAUTH21-3.1", "OIDC-3.1.2.1-unknown")
@pytest.mark.parametrize(
    "extra",
    [
        {"display": "popup"},
        {"ui_locales": "de fr"},
        {"claims_locales": "xx"},
        {"acr_values": "urn:nobody:knows"},
        {"claims": '{"id_token": {"acr": {"essential": true}}}'},
        {"unheard_of": "x"},
        {"prompt": "create"},
        {"max_age": "9" * 30},
        {"scope": "openid unknown:scope"},
    ],
)
def test_what_is_unknown_or_only_wished_is_no_error(browser: Browser, extra: dict[str, str]) -> None:
    """OpenID Connect Core s3.1.2.1 and s15.1"""
    assert browser.open(**extra).status_code == 200


@pytest.mark.requirement("OIDC-3.1.2.1-nonce")
def test_a_state_with_odd_characters_comes_back_as_it_was(browser: Browser) -> None:
    state = "a+b c&d=e#f%20\"'<>\\/?\u00e4\U0001fad6"
    location = browser.authorize(state=state, scope="x").headers["location"]
    assert parse_qs(urlsplit(location).query)["state"] == [state]


def test_a_client_without_pkce_keeps_the_query_of_its_address(provider: Provider) -> None:
    changes = {
        "client_id": "portal",
        "redirect_uri": "https://portal.company.localhost/callback?tenant=1",
        "scope": "openid",
        "code_challenge": None,
        "code_challenge_method": None,
    }
    location = provider.browser().sign_in(**changes).headers["location"]
    assert location.startswith("https://portal.company.localhost/callback?tenant=1&code=")


# ---------------------------------------------------------------- POST


def test_a_cross_site_post_goes_on_by_get_and_belongs_to_the_first_browser(
    provider: Provider, browser: Browser
) -> None:
    form = {name: values[0] for name, values in parse_qs(urlsplit(str(browser.authorize().request.url)).query).items()}
    response = provider.post("/authorize", form)  # without cookies, as a browser sends it from another site
    assert response.status_code == 303 and "set-cookie" not in response.headers
    link = response.headers["location"]
    page = browser.follow(browser.get(link))
    assert 'id="password"' in page.text
    assert_is_a_page(provider.browser().get(link), "cookies_refused")
    assert "code" in answer_of(browser.enter_password(page, ("alice", "wonderland-tea-party")))


def test_an_error_in_a_post_is_answered_as_in_a_get(provider: Provider) -> None:
    assert_is_a_page(provider.post("/authorize", {"client_id": "nobody"}), "unknown_client")
    form = {"client_id": "mobile-app", "redirect_uri": DEEP_LINK, "response_type": "token", "state": "s"}
    assert answer_of(provider.post("/authorize", form))["error"] == "unsupported_response_type"
    assert_is_a_page(provider.http.post("/authorize", json=form), "malformed_request")


@pytest.mark.parametrize("given", ["request=eyJhbGciOiJub25lIn0.e30.", "request_uri=https%3A%2F%2Fapp.example%2Fjar"])
@pytest.mark.parametrize("client", ["", "client_id=mobile-app&"])
def test_a_request_object_alone_is_told_as_one(refusing: Provider, client: str, given: str) -> None:
    """RFC 9101 s5: a client that sends one needs nothing beside it but its client_id."""
    page = refusing.http.get(f"/authorize?{client}{given}")
    assert page.status_code == 400
    assert "request object, which is not supported here" in page.text
