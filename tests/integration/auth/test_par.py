"""POST /par and what its request_uri opens (RFC 9126)."""

import base64

import httpx2
import pytest

from tests.integration.auth.provider import Browser, Provider, answer_of, code_of, error_of, oauth_error, says_signed_in
from tests.integration.auth.seeds import ALICE, BANK_SECRET, BOB, CHALLENGE, PARTNER_CALLBACK, REQUEST

OVER = "The pushed request is unknown, has expired or was used before."
BANK_CALLBACK = "https://bank.company.localhost/callback"
BANK = {
    **REQUEST,
    "client_id": "bank",
    "redirect_uri": BANK_CALLBACK,
    "scope": "openid crm:read",
}
BANK_BASIC = "Basic " + base64.b64encode(f"bank:{BANK_SECRET}".encode()).decode()


def pushed(provider: Provider, **changes: str | None) -> str:
    response = provider.push(**changes)
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["expires_in"] == 60
    return str(response.json()["request_uri"])


def open_pushed(browser: Browser, request_uri: str, client_id: str = "partner-web", **more: str) -> httpx2.Response:
    parameters = {"client_id": client_id, "request_uri": request_uri, **more}
    return browser.follow(browser.http.get("/authorize", params=parameters))


def test_a_pushed_request_is_answered_like_any_other(provider: Provider, browser: Browser) -> None:
    page = open_pushed(browser, pushed(provider))
    page = browser.enter_password(page, ALICE)
    answer = answer_of(browser.press(page, "allow"))
    assert (answer["state"], answer["iss"]) == ("a state", "http://localhost:9000")
    assert provider.redeem_as_partner(answer["code"]).status_code == 200


def test_what_the_browser_brings_beside_it_counts_for_nothing(provider: Provider, browser: Browser) -> None:
    uri = pushed(provider)
    more = {"scope": "openid orders:read", "state": "forged", "redirect_uri": "https://evil.example", "prompt": "none"}
    page = open_pushed(browser, uri, **more)
    answer = answer_of(browser.press(browser.enter_password(page, ALICE), "allow"))
    assert answer["state"] == "a state"
    tokens = provider.redeem_as_partner(answer["code"]).json()
    assert tokens["scope"] == "crm:read openid profile"


@pytest.mark.requirement("RFC9126-2")
def test_a_client_that_must_push_is_refused_without(provider: Provider, browser: Browser) -> None:
    answer = answer_of(browser.authorize(**BANK))
    assert (answer["error"], answer["error_description"]) == (
        "invalid_request",
        "This client must push its authorization requests.",
    )
    form = {name: value for name, value in BANK.items() if name != "client_id"}
    response = provider.post("/par", form, Authorization=BANK_BASIC)
    page = open_pushed(browser, response.json()["request_uri"], "bank")
    assert "code" in answer_of(browser.enter_otp(browser.enter_password(page, BOB)))


@pytest.mark.requirement("RFC9126-2")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "https://evil.example"}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"request_uri": "https://evil.example"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "openid orders:write"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"resource": "https://evil.example"}, "invalid_target"),
        ({"state": "s" * 4097}, "invalid_request"),
        ({"nonce": "\u00e4" * 8192}, "invalid_request"),
    ],
)
def test_everything_is_checked_when_it_is_pushed(
    refusing: Provider, changes: dict[str, str | None], error: str
) -> None:
    assert oauth_error(refusing.push(**changes)) == error


def test_a_wrong_secret_in_the_header_is_401(refusing: Provider) -> None:
    wrong = "Basic " + base64.b64encode(b"bank:wrong").decode()
    response = refusing.post("/par", BANK, Authorization=wrong)
    assert oauth_error(response, 401) == "invalid_client"
    assert response.headers["www-authenticate"].startswith("Basic")


def test_malformed_bodies_are_told_as_json(refusing: Provider) -> None:
    assert oauth_error(refusing.http.post("/par", json=BANK)) == "invalid_request"
    assert oauth_error(refusing.http.get("/par"), 405) == "invalid_request"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (b"client_id=%00", b"client_id=%ff", b"scope=a&scope=b", b"a=1&" * 101):
        assert oauth_error(refusing.http.post("/par", content=content, headers=form)) == "invalid_request"
    assert oauth_error(refusing.http.post("/par", content=b"x=" + b"y" * 1_000_000, headers=form), 413)


def test_a_public_client_may_push_too(provider: Provider, browser: Browser) -> None:
    response = provider.post("/par", REQUEST)
    page = open_pushed(browser, response.json()["request_uri"], "mobile-app")
    assert "code" in answer_of(browser.enter_password(page, ALICE))


def test_a_cross_site_post_with_a_request_uri_goes_on_by_get(provider: Provider, browser: Browser) -> None:
    form = {"client_id": "partner-web", "request_uri": pushed(provider)}
    response = provider.post("/authorize", form)
    assert response.status_code == 303 and "set-cookie" not in response.headers
    assert 'id="password"' in browser.follow(browser.get(response.headers["location"])).text


def test_a_reload_goes_on_in_the_same_browser(provider: Provider, browser: Browser) -> None:
    uri = pushed(provider)
    open_pushed(browser, uri)
    provider.clock.advance(minutes=5)  # from the first visit on it waits like any other
    page = browser.enter_password(open_pushed(browser, uri), ALICE)
    assert 'id="allow"' in open_pushed(browser, uri).text
    assert "code" in answer_of(browser.press(page, "allow"))


def test_push_limit_is_by_network(provider: Provider) -> None:
    limited = provider.restarted(rate_limit_par="2/minute")
    assert [limited.push().status_code for _ in range(3)] == [201, 201, 429]


# ---------------------------------------------------------------- attacks


@pytest.mark.requirement("RFC9126-2")
def test_par_request_of_another_client(provider: Provider, browser: Browser) -> None:
    uri = pushed(provider)
    page = open_pushed(provider.browser(), uri, "mobile-app")
    assert (page.status_code, error_of(page)) == (400, OVER)
    assert '<code id="error-code">pushed_request_over</code>' in page.text
    assert 'id="password"' in open_pushed(browser, uri).text, "and the attempt has not used it up"


@pytest.mark.requirement("RFC9126-2")
def test_replayed_par_urn(provider: Provider, browser: Browser) -> None:
    uri = pushed(provider)
    page = browser.enter_password(open_pushed(browser, uri), ALICE)
    answer = answer_of(browser.press(page, "allow"))
    assert "code" in answer
    assert answer_of(open_pushed(browser, uri)) == answer, "the same browser's repeat"
    assert error_of(open_pushed(provider.browser(), uri)) == OVER
    provider.clock.advance(seconds=60)
    assert says_signed_in(open_pushed(browser, uri))


def test_par_urn_in_a_second_browser(provider: Provider, browser: Browser) -> None:
    uri = pushed(provider)
    open_pushed(browser, uri)
    thief = provider.browser()
    thief.sign_in(BOB)
    assert error_of(open_pushed(thief, uri)) == OVER
    assert error_of(thief.get(f"/authorize?request={uri.rpartition(':')[2]}")).endswith("in another browser.")


def test_par_handle_is_no_waiting_request_before_its_client_sent_a_browser(
    provider: Provider, browser: Browser
) -> None:
    handle = pushed(provider).rpartition(":")[2]
    assert error_of(browser.get(f"/authorize?request={handle}")).startswith("This sign-in is not known here")


def test_par_urn_expires(provider: Provider, browser: Browser) -> None:
    uri = pushed(provider)
    provider.clock.advance(seconds=60)
    assert error_of(open_pushed(browser, uri)) == OVER


@pytest.mark.parametrize("handle", ["", "x", "\u00e4" * 43, "x" * 8192, "'--"])
def test_guessed_par_urns_are_a_page(refusing: Provider, handle: str) -> None:
    page = open_pushed(refusing.browser(), f"urn:ietf:params:oauth:request_uri:{handle}")
    assert (page.status_code, error_of(page)) == (400, OVER)


def test_par_keeps_no_secret(provider: Provider) -> None:
    pushed(provider)
    with provider.database.autocommit() as db:
        rows = "".join(map(str, db.exec_driver_sql("SELECT * FROM waiting_requests").one()))
    assert CHALLENGE in rows and PARTNER_CALLBACK in rows
    assert "partner-web-secret" not in rows


def test_par_of_a_client_that_was_disabled_since(provider: Provider, browser: Browser) -> None:
    uri = pushed(provider)
    provider.sql("UPDATE clients SET disabled_at = '2030-01-01 00:00:00' WHERE client_id = 'partner-web'")
    page = open_pushed(browser, uri)
    assert error_of(page) == "The application that sent you here is not known."


def test_the_code_of_a_pushed_request_is_its_clients_alone(provider: Provider, browser: Browser) -> None:
    page = browser.enter_password(open_pushed(browser, pushed(provider)), ALICE)
    code = code_of(browser.press(page, "allow"))
    assert oauth_error(provider.redeem(code, redirect_uri=PARTNER_CALLBACK)) == "invalid_grant"
