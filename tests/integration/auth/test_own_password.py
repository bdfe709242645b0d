"""Changing the password on the account pages (ADR-0115)."""

import pytest

from tests.integration.auth.own_pages import LONG, METHODS, PASSWORD, alive, notices, page_of, post
from tests.integration.auth.provider import Browser, Provider, answer_of, code_of, error_of
from tests.integration.auth.seeds import ALICE


def test_a_changed_password_ends_everything_but_this_session(provider: Provider, browser: Browser) -> None:
    tokens = provider.sign_in(ALICE)
    other = provider.browser("198.51.100.7")
    other.sign_in(ALICE)
    page = page_of(browser, PASSWORD)
    before = browser.cookies["SSO_SESSION"]
    done = post(browser, PASSWORD, page, current_password=ALICE[1], new_password=LONG, action="change-password")
    assert done.status_code == 200 and browser.cookies["SSO_SESSION"] != before
    assert alive(provider) == 1 and other.get(METHODS).status_code == 303
    assert provider.refresh(tokens["refresh_token"]).status_code == 400
    assert "password_changed" in provider.events() and notices(provider) == ["password_changed"]
    again = provider.browser("198.51.100.8")
    assert "code" in answer_of(again.sign_in(("alice", LONG)))
    code = code_of(browser.submit(browser.open(), action="continue"))
    assert provider.redeem(code).status_code == 200, "this session signs in as before"


@pytest.mark.parametrize(
    ("current", "new", "sentence"),
    [
        ("guess", LONG, "The current password is wrong."),
        (ALICE[1], "short one", "That password is too short"),
        (ALICE[1], "alice-alice-alice", "That password is easy to guess"),
        (ALICE[1], "x" * 1025, "That password is too long"),
    ],
    ids=["current-wrong", "short", "guessable", "long"],
)
def test_a_password_that_may_not_be_chosen_leaves_the_old_one(
    provider: Provider, browser: Browser, current: str, new: str, sentence: str
) -> None:
    page = page_of(browser, PASSWORD)
    refused = post(browser, PASSWORD, page, current_password=current, new_password=new, action="change-password")
    assert refused.status_code == 400 and error_of(refused).startswith(sentence)
    assert new not in refused.text and "password_changed" not in provider.events()
    assert "code" in answer_of(provider.browser("198.51.100.8").sign_in(ALICE))


def test_guesses_of_the_current_password_are_slowed(provider: Provider, browser: Browser) -> None:
    page = page_of(browser, PASSWORD)
    for _ in range(5):
        page = post(browser, PASSWORD, page, current_password="guess", new_password=LONG, action="change-password")
    blocked = post(browser, PASSWORD, page, current_password=ALICE[1], new_password=LONG, action="change-password")
    assert error_of(blocked).startswith("Too many attempts.")
    assert "password_changed" not in provider.events()
