"""The account pages: who gets in, and by which way."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.auth.clients.account_pages import ACCOUNT_PAGES
from services.auth.endpoints.account.visit import FRESH
from services.auth.storage.tables import authorization_codes
from tests.integration.auth.account import PAGES, sign_in_to
from tests.integration.auth.provider import Browser, Provider, error_of, hidden_fields, oauth_error
from tests.integration.auth.seeds import ALICE, BOB


@pytest.mark.parametrize("path", PAGES)
def test_without_a_session_a_page_leads_through_the_sign_in_and_back_to_itself(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 303
    back = sign_in_to(browser, path, ALICE)
    assert back == f"{browser.provider.settings.issuer}{path}"
    shown = browser.get(back)
    assert shown.status_code in {200, 405}
    assert "no-store" in shown.headers["cache-control"]


def test_the_sign_in_for_the_account_leaves_no_code(provider: Provider, browser: Browser) -> None:
    sign_in_to(browser, "/account", BOB)
    with provider.database.autocommit() as db:
        assert db.execute(select(authorization_codes.c.code_hash)).all() == []


def test_no_parameter_leads_the_sign_in_off_site(browser: Browser) -> None:
    for name in ("next", "redirect_uri", "return_to", "url"):
        browser.http.cookies.clear()
        back = sign_in_to(browser, f"/account?{name}=https://evil.example/", ALICE)
        assert back == f"{browser.provider.settings.issuer}/account"


def test_nobody_asks_in_the_name_of_the_account_pages(provider: Provider, browser: Browser) -> None:
    asked = browser.open(client_id=ACCOUNT_PAGES, redirect_uri=f"{provider.settings.issuer}/account")
    assert asked.status_code == 400
    assert error_of(asked) == "The application that sent you here is not known."
    for refused in (provider.push(client_id=ACCOUNT_PAGES), provider.redeem("x", client_id=ACCOUNT_PAGES)):
        assert oauth_error(refused, refused.status_code) == "invalid_client"


def test_a_cancelled_sign_in_ends_at_the_start_page(browser: Browser) -> None:
    answer = browser.press(browser.follow(browser.get("/account")), "cancel")
    assert answer.status_code == 303
    end = browser.follow(browser.get(answer.headers["location"]))
    assert end.status_code == 200
    assert 'id="username"' not in end.text


def test_a_session_of_an_application_opens_the_account(browser: Browser) -> None:
    browser.sign_in(ALICE)
    assert "Hello Alice" in browser.get("/account").text


def test_a_sign_in_left_for_too_long_begins_anew_at_the_page(provider: Provider, browser: Browser) -> None:
    page = browser.follow(browser.get("/account/sign-in-methods"))
    provider.clock.advance(minutes=16)
    over = browser.enter_password(page, ALICE)
    assert error_of(over) == "This sign-in has expired, because it was left open for too long."
    again = browser.follow(browser.get(f"/authorize?restart={hidden_fields(page)['request']}"))
    assert 'id="username"' in again.text
    assert browser.enter_password(again, ALICE).headers["location"].endswith("/account/sign-in-methods")


def test_cookies_refused_is_told_and_leads_on(provider: Provider) -> None:
    browser = provider.browser()
    sent_to = browser.get("/account").headers["location"]
    browser.http.cookies.clear()
    assert error_of(browser.get(sent_to)) == "This browser sent no cookies, and signing in does not work without them."


def test_fresh_is_ten_minutes() -> None:
    assert timedelta(minutes=10) == FRESH
