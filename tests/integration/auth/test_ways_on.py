"""No page is a dead end: each case has its own sentence, its code, the request's id, and a link that leads on.

Policy: ADR-0062
"""

import html
import re

import httpx2
import pytest

from services.auth.endpoints.web.error_cases import ERROR_CASES
from services.auth.revocation import end_client, end_user
from services.auth.tokens.end_reason import EndReason
from tests.integration.auth.provider import (
    Browser,
    Provider,
    answer_of,
    code_of,
    error_of,
    hidden_fields,
    says_signed_in,
)
from tests.integration.auth.seeds import ALICE, APP_LINK, BOB, PARTNER, PORTAL, ROOT


def case_of(page: httpx2.Response) -> str:
    """Return the case's code, after looking at what every error page has."""
    code = re.search(r'<code id="error-code">([^<]*)</code>', page.text)
    request = re.search(r'<code id="request-id">([^<]*)</code>', page.text)
    assert code and request, page.text
    assert request[1] == page.headers["x-request-id"]
    assert error_of(page) == ERROR_CASES[code[1]].sentence
    assert f"<title>Error: {ERROR_CASES[code[1]].title}" in page.text
    return code[1]


def link_of(page: httpx2.Response, identifier: str) -> str:
    found = re.search(rf'<a id="{identifier}"[^>]* href="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def start_again(browser: Browser, page: httpx2.Response) -> httpx2.Response:
    return browser.follow(browser.get(link_of(page, "start-again")))


def handle_of(page: httpx2.Response) -> str:
    return hidden_fields(page)["request"]


def test_an_expired_sign_in_begins_anew(provider: Provider, browser: Browser) -> None:
    login = browser.open(state="mine")
    provider.clock.advance(minutes=16)
    late = browser.enter_password(login, ALICE)
    assert case_of(late) == "request_expired"
    assert case_of(browser.get(f"/login?request={handle_of(login)}")) == "request_expired"
    answer = answer_of(browser.enter_password(start_again(browser, late), ALICE))
    assert answer["state"] == "mine" and "code" in answer


def test_a_sign_in_that_was_left_for_hours_says_so(provider: Provider, browser: Browser) -> None:
    login = browser.open()
    provider.sql("DELETE FROM waiting_requests")
    page = browser.enter_password(login, ALICE)
    assert case_of(page) == "request_unknown"
    assert start_again(browser, page).status_code == 200


def test_back_after_success_says_who_has_the_answer(provider: Provider, browser: Browser) -> None:
    for request in ({}, PORTAL, {"redirect_uri": APP_LINK}):
        login = provider.browser()
        page = login.open(**request)
        assert "code" in answer_of(login.enter_password(page, ALICE))
        seen = login.get(f"/login?request={handle_of(page)}")
        assert says_signed_in(seen) and "Go back to" in seen.text


def test_the_way_back_of_an_app_brings_the_answer_that_it_may_have_missed(provider: Provider, browser: Browser) -> None:
    login = browser.open()
    answer = browser.enter_password(login, ALICE)
    done = browser.get(f"/login?request={handle_of(login)}")
    back = browser.follow(browser.get(link_of(done, "back-to-app")))
    assert back.headers["location"] == answer.headers["location"], "within a minute the same"
    provider.clock.advance(minutes=2)
    done = browser.get(f"/login?request={handle_of(login)}")
    page = browser.follow(browser.get(link_of(done, "back-to-app")))
    code = code_of(browser.press(page, "continue"))
    assert code != code_of(answer) and provider.redeem(code).status_code == 200


def test_the_way_back_of_a_web_client_is_its_site(browser: Browser) -> None:
    page = browser.open(**PORTAL)
    browser.enter_password(page, ALICE)
    done = browser.get(f"/login?request={handle_of(page)}")
    assert link_of(done, "back-to-app") == "https://portal.company.localhost/"


def test_a_cancelled_sign_in_can_begin_anew(browser: Browser) -> None:
    login = browser.open()
    assert answer_of(browser.press(login, "cancel"))["error"] == "access_denied"
    page = browser.get(f"/login?request={handle_of(login)}")
    assert page.status_code == 200 and "You did not sign in" in page.text
    assert "code" in answer_of(browser.enter_password(start_again(browser, page), ALICE))


def test_a_browser_that_refuses_cookies_is_told(provider: Provider) -> None:
    browser = provider.browser()
    location = browser.authorize().headers["location"]
    browser.http.cookies.clear()
    page = browser.get(location)
    assert case_of(page) == "cookies_refused"
    assert 'id="password"' in start_again(browser, page).text, "allowed by now"


def test_a_link_of_another_browser_can_begin_anew_here(provider: Provider, browser: Browser) -> None:
    other = provider.browser()
    begun = other.open()
    browser.open()
    page = browser.get(f"/login?request={handle_of(begun)}")
    assert case_of(page) == "request_of_another_browser"
    assert "code" in answer_of(browser.enter_password(start_again(browser, page), ALICE))
    assert "code" in answer_of(other.enter_password(begun, ALICE)), "for its own browser nothing has changed"


def test_an_account_that_was_changed_meanwhile_ends_the_sign_in(provider: Provider, browser: Browser) -> None:
    mfa = browser.enter_password(browser.open(), BOB)
    with provider.context.database.transaction() as stores:
        bob = stores.users.find_by_username("bob")
        assert bob is not None
        end_user(stores, bob.id, reason=EndReason.PASSWORD_CHANGED, origin=None, now=provider.clock.now())
    page = browser.enter_otp(mfa)
    assert case_of(page) == "request_ended"
    assert 'id="password"' in start_again(browser, page).text


def test_a_client_that_was_disabled_meanwhile_is_begun_for_no_more(provider: Provider, browser: Browser) -> None:
    login = browser.open()
    with provider.context.database.transaction() as stores:
        stores.clients.set_disabled("mobile-app", provider.clock.now())
        end_client(stores, "mobile-app", reason=EndReason.CLIENT_DISABLED, origin=None, now=provider.clock.now())
    provider.clock.advance(minutes=1)
    for page in (
        browser.enter_password(login, ALICE),
        browser.get(f"/authorize?restart={handle_of(login)}"),
    ):
        assert case_of(page) == "unknown_client"


def test_an_expired_form_says_so(browser: Browser) -> None:
    login = browser.open()
    page = browser.submit(login, csrf="x", username=ALICE[0], password=ALICE[1], action="sign-in")
    assert case_of(page) == "bad_form"
    assert "code" in answer_of(browser.enter_password(start_again(browser, page), ALICE))


@pytest.mark.parametrize("path", ["/login", "/mfa", "/consent", "/continue"])
def test_a_page_without_a_sign_in_leads_to_the_start(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert case_of(page) == "no_request"
    assert start_again(browser, page).status_code == 200


@pytest.mark.parametrize("handle", ["", "x", "\u00e4" * 43, "x" * 8192])
def test_a_guessed_handle_begins_nothing_anew(refusing: Provider, handle: str) -> None:
    page = refusing.browser().http.get("/authorize", params={"restart": handle})
    assert case_of(page) in {"request_unknown", "missing_client"}


def test_a_pushed_request_that_nobody_came_for_is_not_begun_by_its_handle(provider: Provider, browser: Browser) -> None:
    handle = provider.push().json()["request_uri"].rpartition(":")[2]
    assert case_of(browser.get(f"/authorize?restart={handle}")) == "request_unknown"


def test_every_case_is_documented() -> None:
    documented = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for case, texts in ERROR_CASES.items():
        assert f"| `{case}` |" in documented, case
        assert texts.sentence in documented, case


# ---------------------------------------------------------------- a try that did not succeed


def test_a_wrong_password_can_be_reloaded(browser: Browser) -> None:
    login = browser.open()
    fields = {**hidden_fields(login), "username": "alice", "password": "wrong", "action": "sign-in"}
    answer = browser.http.post("/login", data=fields)
    assert answer.status_code == 303
    for _ in range(2):
        page = browser.get(answer.headers["location"])
        assert error_of(page) == "The user name or the password is wrong."
        assert 'value="alice"' in page.text and "wrong&" not in page.text
        assert "<title>Error: Sign in" in page.text
    assert "code" in answer_of(browser.enter_password(page, ALICE))


def test_a_wrong_code_can_be_reloaded_and_is_forgotten_with_the_next_step(browser: Browser) -> None:
    mfa = browser.enter_password(browser.open(), BOB)
    answer = browser.http.post("/mfa", data={**hidden_fields(mfa), "otp": "000000", "action": "verify"})
    assert answer.status_code == 303
    wrong = browser.get(answer.headers["location"])
    assert error_of(wrong) == "The code is wrong or was used before."
    other = browser.get(f"/login?request={handle_of(mfa)}")
    assert 'role="alert"' not in other.text, "what /mfa said is for /mfa alone"
    assert "code" in answer_of(browser.enter_otp(wrong))


def test_too_many_attempts_say_how_long_for_as_long_as_it_lasts(provider: Provider, browser: Browser) -> None:
    page = browser.open()
    for _ in range(7):
        page = browser.enter_password(page, ("alice", "wrong"))
        provider.clock.advance(milliseconds=1)
    assert page.status_code == 429 and error_of(page).startswith("Too many attempts.")
    location = f"/login?request={handle_of(page)}"
    assert browser.get(location).status_code == 429
    provider.clock.advance(minutes=2)
    assert 'role="alert"' not in browser.get(location).text


# ---------------------------------------------------------------- intent


def test_without_a_script_continue_asks_for_one_more_click_elsewhere(browser: Browser) -> None:
    browser.sign_in()
    page = browser.open()
    again = browser.send(page, action="continue")
    assert 'id="continue"' in again.text and "One more click" in again.text and 'class="moved"' in again.text
    assert "code" in answer_of(browser.send(again, action="continue"))


def test_without_a_script_consent_asks_for_one_more_click_elsewhere(provider: Provider, browser: Browser) -> None:
    """It is shown in popups, whose opener may have switched the script off."""
    page = browser.sign_in(**PARTNER)
    again = browser.send(page, action="allow")
    assert 'id="allow"' in again.text and "One more click" in again.text and 'class="moved"' in again.text
    assert "consent_given" not in provider.events()
    assert "code" in answer_of(browser.send(again, action="allow"))


def test_a_script_that_saw_intent_needs_no_second_click(browser: Browser) -> None:
    assert "code" in answer_of(browser.send(browser.sign_in(**PARTNER), action="allow", intent="shown"))
    assert "code" in answer_of(browser.send(browser.open(), action="continue", intent="shown"))


def test_what_asks_for_approval_waits_for_intent(browser: Browser) -> None:
    consent = browser.sign_in(**PARTNER)
    pages = {"allow": consent, "continue": browser.open(), "confirm-logout": browser.get("/logout")}
    for button, page in pages.items():
        assert re.search(f'<button id="{button}"[^>]* data-intent>', page.text), button


# ---------------------------------------------------------------- what a picture tells


def test_a_second_sign_in_says_that_it_is_one(provider: Provider, browser: Browser) -> None:
    browser.sign_in(**PORTAL)
    forced = browser.open(**PORTAL, prompt="login")
    assert "Confirm it is you" in forced.text and "<strong>alice</strong>" in forced.text
    assert "asks for your password again." in forced.text
    provider.clock.advance(minutes=5)
    old = browser.open(**PORTAL, max_age="60")
    assert "Confirm it is you" in old.text and "because you gave it some time ago" in old.text
    other = browser.get(f"/login?request={handle_of(browser.open())}")
    assert "Confirm it is you" not in other.text, "another account was asked for"


def test_the_start_page_tells_what_this_is(provider: Provider, browser: Browser) -> None:
    page = browser.get("/")
    assert page.status_code == 200 and "One sign-in for every application" in page.text
    assert "/.well-known/openid-configuration" in page.text and "/docs" in page.text
    browser.sign_in()
    known = browser.get("/")
    assert "alice" in known.text and 'href="/logout"' in known.text
    for text in (page.text, known.text):
        assert len(text.encode()) < 30_000
