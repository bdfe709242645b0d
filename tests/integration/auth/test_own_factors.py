"""What people change of their own ways to sign in, on the account pages (ADR-0114, ADR-0115, ADR-0116)."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from services.auth.storage.tables import totp_credentials
from tests.integration.auth.own_pages import (
    APP,
    CODES,
    METHODS,
    PASSWORD,
    alive,
    codes_on,
    confirm,
    enrolled,
    notices,
    otp_of,
    page_of,
    post,
    secret_on,
)
from tests.integration.auth.provider import Browser, Provider, answer_of, error_of, hidden_fields
from tests.integration.auth.seeds import ALICE, BOB, CAROL


def test_an_app_counts_from_its_first_code_on_and_codes_are_saved(provider: Provider, browser: Browser) -> None:
    methods = page_of(browser, METHODS)
    assert 'id="enrol-totp"' in methods.text and "recovery" not in methods.text.lower()
    page = post(browser, APP, methods, action="enrol-totp")
    picture = re.search(r'<img id="totp-qr" src="(data:image/svg\+xml[^"]*)"', page.text)
    assert picture is not None and "%3Csvg" in picture[1].replace("<", "%3C")
    secret = secret_on(page)
    with provider.database.autocommit() as db:
        assert len(db.execute(select(totp_credentials.c.user_id)).all()) == 1, "bob's alone: nothing counts yet"
    codes = confirm(browser, page, otp_of(provider, secret))
    shown = codes_on(codes)
    assert len(shown) == 10
    assert codes_on(browser.get(CODES)) == shown, "loaded anew, for who prints it"
    file = re.search(r'download="recovery-codes.txt" href="data:text/plain;charset=utf-8,([^"]*)"', codes.text)
    assert file is not None and all(code in unquote(file[1]) for code in shown)
    done = post(browser, CODES, codes, action="codes-saved")
    assert "10 codes are left" in done.text and 'id="to-remove-totp"' in done.text
    assert codes_on(browser.get(CODES)) == [], "shown once"
    assert provider.events()[-1] == "second_factor_added" and notices(provider) == ["factor_changed"]
    again = provider.browser("198.51.100.7")
    mfa = again.enter_password(again.open(), ALICE)
    assert 'id="otp"' in mfa.text
    provider.clock.advance(seconds=30)
    assert "code" in answer_of(again.enter_otp(mfa, otp_of(provider, secret)))


def test_a_recovery_code_of_the_enrolment_signs_in(provider: Provider, browser: Browser) -> None:
    _, codes = enrolled(browser)
    shown = codes_on(codes)
    again = provider.browser("198.51.100.7")
    mfa = again.enter_password(again.open(), ALICE)
    assert "code" in answer_of(again.submit(mfa, **{"recovery-code": shown[9], "action": "verify"}))


def test_the_code_of_the_enrolment_replayed_at_the_sign_in_is_refused(provider: Provider, browser: Browser) -> None:
    secret, _ = enrolled(browser)
    again = provider.browser("198.51.100.7")
    mfa = again.enter_password(again.open(), ALICE)
    for steps in (0, -1):
        refused = again.enter_otp(mfa, otp_of(provider, secret, steps))
        assert error_of(refused) == "The code is wrong or was used before."


def test_a_wrong_code_confirms_nothing_and_the_same_secret_is_shown_again(provider: Provider, browser: Browser) -> None:
    page = page_of(browser, APP)
    refused = confirm(browser, page, "000000")
    assert (refused.status_code, secret_on(refused)) == (400, secret_on(page))
    assert error_of(refused) == "The code is wrong. Enter the six digits that the app shows now."
    assert "second_factor_added" not in provider.events()


def test_two_tabs_of_one_enrolment_show_one_secret_and_the_second_is_told(provider: Provider, browser: Browser) -> None:
    one = page_of(browser, APP)
    other = browser.get(APP)
    assert secret_on(one) == secret_on(other)
    confirm(browser, one, otp_of(provider, secret_on(one)))
    over = confirm(browser, other, otp_of(provider, secret_on(one), 1))
    assert error_of(over) == "This form has expired or was not sent from our own page."
    assert provider.events().count("second_factor_added") == 1


def test_an_enrolment_is_not_confirmed_with_the_secret_of_another(provider: Provider, browser: Browser) -> None:
    thief = provider.browser("198.51.100.7")
    of_thief = secret_on(page_of(thief, APP, CAROL))
    page = page_of(browser, APP)
    assert secret_on(page) != of_thief
    assert confirm(browser, page, otp_of(provider, of_thief)).status_code == 400
    other_browser_of_alice = page_of(provider.browser("198.51.100.8"), APP)
    assert secret_on(other_browser_of_alice) != secret_on(page), "each browser has its own"


def test_a_form_with_another_ones_token_changes_nothing(provider: Provider, browser: Browser) -> None:
    thief = provider.browser("198.51.100.7")
    their_page = page_of(thief, APP, CAROL)
    page = page_of(browser, APP)
    fields = {"csrf": hidden_fields(their_page)["csrf"], "otp": otp_of(provider, secret_on(page))}
    for path in (APP, f"{APP}/remove", CODES, PASSWORD):
        refused = browser.http.post(path, data={**fields, "action": "confirm-totp"})
        assert error_of(refused) == "This form has expired or was not sent from our own page."
    assert not {"second_factor_added", "password_changed", "recovery_codes_made"} & set(provider.events())


def test_two_taps_on_confirm_are_one_enrolment(provider: Provider, browser: Browser) -> None:
    page = page_of(browser, APP)
    data = {"csrf": hidden_fields(page)["csrf"], "otp": otp_of(provider, secret_on(page)), "action": "confirm-totp"}
    cookies = dict(browser.cookies)
    first = browser.http.post(APP, data=data)
    browser.http.cookies.clear()
    browser.http.cookies.update(cookies)
    second = browser.http.post(APP, data=data)
    assert second.status_code == 303 and second.headers["location"] == first.headers["location"] == CODES
    assert len(codes_on(browser.get(CODES))) == 10
    assert provider.events().count("second_factor_added") == 1


def test_the_session_goes_on_under_a_new_cookie_and_the_old_one_is_dead(provider: Provider, browser: Browser) -> None:
    page = page_of(browser, APP)
    before = browser.cookies["SSO_SESSION"]
    confirm(browser, page, otp_of(provider, secret_on(page)))
    assert browser.cookies["SSO_SESSION"] != before and alive(provider) == 1
    thief = provider.browser()
    thief.http.cookies.set("SSO_SESSION", before)
    assert thief.get(METHODS).status_code == 303


def test_another_app_in_its_place_signs_out_everywhere_else(provider: Provider, browser: Browser) -> None:
    tokens = provider.sign_in(BOB)
    provider.clock.advance(seconds=60)
    page = page_of(browser, APP, BOB)
    assert "stays good until" in page.text
    assert alive(provider) == 2
    codes = confirm(browser, page, otp_of(provider, secret_on(page)))
    assert len(codes_on(codes)) == 10, "bob had none"
    assert alive(provider) == 1 and provider.refresh(tokens["refresh_token"]).status_code == 400
    assert "second_factor_replaced" in provider.events()
    old = provider.browser("198.51.100.7")
    mfa = old.enter_password(old.open(), BOB)
    provider.clock.advance(seconds=30)
    assert old.enter_otp(mfa).status_code == 400, "the old app is good no more"


def test_new_codes_end_the_old_ones(provider: Provider, browser: Browser) -> None:
    _, codes = enrolled(browser)
    old = codes_on(codes)
    post(browser, CODES, codes, action="codes-saved")
    page = browser.get(CODES)
    assert 'id="make-codes"' in page.text
    new = post(browser, CODES, page, action="make-codes")
    assert len(codes_on(new)) == 10 and not set(codes_on(new)) & set(old)
    again = provider.browser("198.51.100.7")
    mfa = again.enter_password(again.open(), ALICE)
    refused = again.submit(mfa, **{"recovery-code": old[0], "action": "verify"})
    assert error_of(refused) == "The recovery code is wrong or was used before."
    assert "code" in answer_of(again.submit(refused, **{"recovery-code": codes_on(new)[0], "action": "verify"}))
    assert "recovery_codes_made" in provider.events()


def test_who_has_no_codes_left_is_told_on_the_first_page(browser: Browser) -> None:
    home = page_of(browser, "/account", BOB)
    assert f'href="{CODES}"' in home.text
    codes = post(browser, CODES, browser.get(CODES), action="make-codes")
    assert len(codes_on(codes)) == 10
    assert f'href="{CODES}"' not in browser.get("/account").text


def test_who_has_no_second_factor_gets_no_codes(provider: Provider, browser: Browser) -> None:
    page = page_of(browser, PASSWORD)
    assert "Set one up first." in browser.get(CODES).text and 'id="make-codes"' not in browser.get(CODES).text
    post(browser, CODES, page, action="make-codes")
    assert "recovery_codes_made" not in provider.events()


def test_the_last_second_factor_stays_while_the_password_is_short(provider: Provider, browser: Browser) -> None:
    page = page_of(browser, PASSWORD, BOB)
    short = "kw9-fjord-x"
    changed = post(browser, PASSWORD, page, current_password=BOB[1], new_password=short, action="change-password")
    assert changed.status_code == 200, error_of(changed)
    removal = browser.get(f"{APP}/remove")
    assert 'id="current-password"' in removal.text
    wrong = post(browser, f"{APP}/remove", removal, current_password="not this one")
    assert error_of(wrong) == "The current password is wrong."
    refused = post(browser, f"{APP}/remove", removal, current_password=short, action="remove-totp")
    assert error_of(refused).startswith("Your password has fewer than 15 characters")
    assert "second_factor_removed" not in provider.events()


def test_an_app_is_removed_with_its_codes_and_everything_else_ends(provider: Provider, browser: Browser) -> None:
    tokens = provider.sign_in(ALICE)
    enrolled(browser)
    removal = browser.get(f"{APP}/remove")
    done = post(browser, f"{APP}/remove", removal, current_password=ALICE[1], action="remove-totp")
    assert 'id="enrol-totp"' in done.text and 'id="to-recovery-codes"' not in done.text
    assert alive(provider) == 1 and provider.refresh(tokens["refresh_token"]).status_code == 400
    again = provider.browser("198.51.100.7")
    assert "code" in answer_of(again.enter_password(again.open(), ALICE))
    with provider.context.database.autocommit() as stores:
        user = stores.users.find_by_username("alice")
        assert user is not None and stores.recovery_codes.count(user.id) == 0


@pytest.mark.parametrize("path", [APP, f"{APP}/remove", CODES, PASSWORD], ids=["app", "remove", "codes", "password"])
def test_a_sign_in_of_an_hour_ago_changes_no_way_to_sign_in(provider: Provider, browser: Browser, path: str) -> None:
    page = page_of(browser, METHODS)
    provider.clock.advance(minutes=11)
    asked = browser.http.post(path, data={"csrf": hidden_fields(page)["csrf"], "current-password": ALICE[1]})
    assert asked.status_code == 303 and asked.headers["location"].startswith("/authorize?request=")
    confirm_page = browser.follow(asked)
    assert 'id="password"' in confirm_page.text
    assert browser.enter_password(confirm_page, ALICE).headers["location"].endswith(path)


def test_two_confirmations_at_one_moment_are_one(provider: Provider, browser: Browser) -> None:
    page = page_of(browser, APP)
    data = {"csrf": hidden_fields(page)["csrf"], "otp": otp_of(provider, secret_on(page)), "action": "confirm-totp"}
    tabs = [provider.browser() for _ in range(2)]
    for tab in tabs:
        tab.http.cookies.update(browser.cookies)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda tab: tab.http.post(APP, data=data).status_code, tabs))
    assert answers == [303, 303] and provider.events().count("second_factor_added") == 1
