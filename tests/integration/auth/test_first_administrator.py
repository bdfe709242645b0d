"""An administrator has a second factor before anything else (ADR-0117)."""

import json

import pytest

from tests.integration.auth.own_pages import APP, confirm, otp_of, secret_on
from tests.integration.auth.provider import Browser, Provider, answer_of
from tests.integration.auth.seeds import ALICE, BOB


@pytest.fixture(autouse=True)
def administrators(provider: Provider) -> None:
    provider.sql("UPDATE users SET roles = :roles WHERE username IN ('alice', 'bob')", roles=json.dumps(["admin"]))


def test_an_administrator_with_a_password_alone_gets_nowhere_but_to_the_set_up(
    provider: Provider, browser: Browser
) -> None:
    page = browser.sign_in(ALICE)
    assert page.status_code == 200 and 'id="enrol-totp"' in page.text
    assert 'id="enrol-totp"' in browser.open().text, "also by the session, and at another try"
    assert "authorization_code_issued" not in provider.events()
    silent = answer_of(browser.follow(browser.authorize(prompt="none")))
    assert silent["error"] == "interaction_required"
    page = browser.get(APP)
    confirm(browser, page, otp_of(provider, secret_on(page)))
    assert "code" in answer_of(browser.submit(browser.open(), action="continue"))


def test_an_administrator_who_has_a_second_factor_signs_in_as_everybody(browser: Browser) -> None:
    assert "code" in answer_of(browser.sign_in(BOB))
