"""The device grant (RFC 8628): what is asked of people and devices, and what neither can do; races are beside this."""

from typing import Any

import httpx2
import pytest

from services.auth.authorization.device_requests import GRANT_TYPE
from tests.integration.auth.provider import Browser, Provider, error_of, oauth_error
from tests.integration.auth.seeds import ALICE, HTTP_ISSUER

SCOPE = "openid offline_access crm:read"


def ask(provider: Provider, client_id: str = "mobile-app", **form: Any) -> dict[str, Any]:
    """Let a device ask for its codes."""
    answer = provider.post("/device_authorization", {"client_id": client_id, "scope": SCOPE, **form})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


def fetch(provider: Provider, device: dict[str, Any], client_id: str = "mobile-app", **form: Any) -> httpx2.Response:
    """Let the device ask for its tokens."""
    named = {"grant_type": GRANT_TYPE, "client_id": client_id, "device_code": device["device_code"]}
    return provider.post("/token", {**named, **form})


def enter(browser: Browser, user_code: str) -> httpx2.Response:
    """Type the code at /device, and go on to what comes next."""
    return browser.submit(browser.get("/device"), **{"user-code": user_code})


def allow(browser: Browser, device: dict[str, Any], *buttons: str) -> httpx2.Response:
    """Sign in as alice and allow the device."""
    page = browser.enter_password(enter(browser, device["user_code"]), ALICE)
    for button in buttons or ("continue",):
        page = press(browser, page, button)
    return page


def press(browser: Browser, page: httpx2.Response, button: str) -> httpx2.Response:
    """Press a button of the page, and follow also to the provider's own address at the end."""
    answer = browser.press(page, button)
    location = answer.headers.get("location", "")
    return browser.get(location.removeprefix(HTTP_ISSUER)) if location.startswith(f"{HTTP_ISSUER}/device") else answer


@pytest.mark.requirement("RFC8628-3.5")
def test_a_code_that_nobody_allowed_in_time_has_expired(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    provider.clock.advance(minutes=5)
    assert oauth_error(fetch(provider, device)) == "expired_token"
    assert error_of(enter(browser, device["user_code"])).startswith("This code is not known")


def test_a_code_that_expires_while_its_person_signs_in_lets_nobody_in(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    page = browser.enter_password(enter(browser, device["user_code"]), ALICE)
    provider.clock.advance(minutes=6)
    browser.press(page, "continue")
    assert oauth_error(fetch(provider, device)) == "expired_token"


@pytest.mark.requirement("RFC8628-3.5")
def test_a_person_who_says_no_is_the_end_of_it(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    done = allow(browser, device, "cancel")
    assert 'id="device-refused"' in done.text
    assert oauth_error(fetch(provider, device)) == "access_denied"
    assert error_of(enter(provider.browser(), device["user_code"])).startswith("This code is not known")


@pytest.mark.requirement("RFC8628-5.4")
def test_a_signed_in_person_is_shown_which_device_it_is_before_anything(provider: Provider, browser: Browser) -> None:
    browser.sign_in(ALICE)
    device = ask(provider)
    page = enter(browser, device["user_code"])
    assert device["user_code"] in page.text
    assert "192.0.2.1" in page.text
    assert "Company Mobile" in page.text
    assert oauth_error(fetch(provider, device)) == "authorization_pending"
    assert 'id="device-connected"' in press(browser, page, "continue").text


@pytest.mark.requirement("RFC8628-5.4")
def test_a_click_that_was_tricked_out_of_a_person_lets_no_device_in(provider: Provider, browser: Browser) -> None:
    """ADR-0063: without the intent that a script or a second click shows, the page asks once more."""
    browser.sign_in(ALICE)
    device = ask(provider)
    page = enter(browser, device["user_code"])
    once_more = browser.send(page, action="continue")
    assert 'name="intent" value="twice"' in once_more.text
    assert oauth_error(fetch(provider, device)) == "authorization_pending"


def test_a_strangers_application_needs_its_consent_too(provider: Provider, browser: Browser) -> None:
    device = ask(provider, "television")
    done = allow(browser, device, "continue", "allow")
    assert 'id="device-connected"' in done.text
    tokens = fetch(provider, device, "television")
    assert tokens.status_code == 200, tokens.text
    assert "consent_given" in provider.events()


def test_a_user_code_is_read_as_people_type_it(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    typed = device["user_code"].replace("-", " ").lower()
    page = enter(browser, f"  {typed}\u200b ")
    assert 'id="login"' in page.text


@pytest.mark.parametrize("typed", ["BBBB-BBBB", "12345678", "x" * 5000, "\u0130" * 8, "<script>", "BCDFGHJ"])
def test_a_guessed_user_code_opens_nothing_and_is_shown_again_as_text(provider: Provider, typed: str) -> None:
    ask(provider)
    page = provider.browser().submit(provider.browser().get("/device"), **{"user-code": typed})
    assert page.status_code == 400
    assert "<script>" not in page.text
    assert "user_code_unknown" in provider.trail()


def test_a_stolen_device_code_is_nothing_to_another_client(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    allow(browser, device)
    assert oauth_error(fetch(provider, device, "television")) == "invalid_grant"
    assert fetch(provider, device).status_code == 200


def test_a_device_code_is_no_authorization_code(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    allow(browser, device)
    for more in ({}, {"redirect_uri": ""}, {"redirect_uri": "http://localhost:9000/device"}):
        form = {"grant_type": "authorization_code", "client_id": "mobile-app", "code": device["device_code"], **more}
        assert oauth_error(provider.post("/token", form)) == "invalid_grant"
    assert fetch(provider, device).status_code == 200


@pytest.mark.requirement("RFC8628-3.4")
def test_a_device_code_is_used_once_and_a_second_use_ends_nothing(provider: Provider, browser: Browser) -> None:
    """A lost answer may be asked for again: the device is told to begin anew, and nobody is called a thief."""
    device = ask(provider)
    allow(browser, device)
    tokens = fetch(provider, device).json()
    assert oauth_error(fetch(provider, device)) == "invalid_grant"
    assert provider.refresh(tokens["refresh_token"]).status_code == 200


def test_a_person_whose_account_ends_meanwhile_lets_nobody_in(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    allow(browser, device)
    provider.sql("UPDATE users SET disabled_at = :at WHERE username = 'alice'", at=provider.clock.now())
    assert oauth_error(fetch(provider, device)) == "invalid_grant"


@pytest.mark.parametrize(
    ("client_id", "form", "error"),
    [
        ("other-app", {}, "unauthorized_client"),
        ("nobody", {}, "invalid_client"),
        ("television", {"scope": "orders:read"}, "invalid_scope"),
        ("television", {"scope": "unknown:thing"}, "invalid_scope"),
        ("television", {"resource": "https://nowhere.example"}, "invalid_target"),
        ("television", {"client_secret": "x"}, "invalid_client"),
        ("television", {"authorization_details": "[]"}, "invalid_authorization_details"),
    ],
    ids=[
        "grant-not-registered",
        "unknown-client",
        "scope-of-others",
        "unknown-scope",
        "unknown-resource",
        "secret",
        "details",
    ],
)
def test_a_request_that_may_not_be_is_refused(
    provider: Provider, client_id: str, form: dict[str, str], error: str
) -> None:
    answer = provider.post("/device_authorization", {"client_id": client_id, "scope": SCOPE, **form})
    assert oauth_error(answer) == error


def test_no_authorization_request_can_name_a_device(provider: Provider, browser: Browser) -> None:
    """The hash of a device code is no parameter: what a link says of it is ignored."""
    device = ask(provider)
    code = browser.sign_in(ALICE, device=device["device_code"])
    assert code.headers["location"].startswith("myapp://callback?code=")
    assert oauth_error(fetch(provider, device)) == "authorization_pending"
