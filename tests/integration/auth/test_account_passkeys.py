"""The page of passkeys: added, named, removed, and made by a browser without a question."""

from typing import Any

import httpx2
import pytest

from tests.integration.auth.passkeys import give_passkey, rows, use
from tests.integration.auth.provider import Browser, Provider, code_of, error_of, hidden_fields
from tests.integration.auth.seeds import ALICE, BOB, CAROL
from tests.support.authenticator import Authenticator

PAGE = "/account/passkeys"


def post(browser: Browser, **fields: str) -> httpx2.Response:
    """Post with the form token of the page."""
    token = hidden_fields(browser.get(PAGE))["csrf"]
    return browser.follow(browser.http.post(PAGE, data={"csrf": token, **fields}))


def options(browser: Browser, purpose: str = "registration") -> dict[str, Any]:
    answer = post(browser, purpose=purpose)
    assert answer.headers["content-type"] == "application/json", answer.text
    return dict(answer.json())


def add(browser: Browser, authenticator: Authenticator, name: str = "My phone") -> httpx2.Response:
    credential = authenticator.create(options(browser))
    return post(browser, action="add-passkey", credential=credential, **{"passkey-name": name})


@pytest.fixture
def authenticator(provider: Provider) -> Authenticator:
    return Authenticator(provider.settings.issuer)


def test_a_passkey_is_added_named_shown_and_used(
    provider: Provider, browser: Browser, authenticator: Authenticator
) -> None:
    browser.sign_in(ALICE)
    page = add(browser, authenticator, name="  My\u202e \u0007phone <b>")
    assert "The passkey was added." in page.text
    assert "<strong>My phone &lt;b&gt;</strong>" in page.text
    assert provider.events()[-1] == "passkey_added"
    fresh = provider.browser()
    assert code_of(use(fresh, fresh.open(), authenticator))


def test_one_passkey_is_not_added_twice(browser: Browser, authenticator: Authenticator) -> None:
    browser.sign_in(ALICE)
    add(browser, authenticator)
    browser.http.cookies.clear()
    page = browser.enter_password(browser.follow(browser.get(PAGE)), ALICE)
    page = use(browser, page, authenticator, "second_factor")
    asked = options(browser)
    assert [each["id"] for each in asked["excludeCredentials"]] != []
    again = post(browser, action="add-passkey", credential=authenticator.create(asked))
    assert error_of(again) == "This passkey was added before."


def test_a_sign_in_of_long_ago_adds_nothing(provider: Provider, browser: Browser) -> None:
    browser.sign_in(ALICE)
    token = hidden_fields(browser.get(PAGE))["csrf"]
    provider.clock.advance(minutes=11)
    answer = browser.http.post(PAGE, data={"csrf": token, "purpose": "registration"})
    assert answer.headers["location"].startswith("/authorize?")


def test_a_form_without_its_token_adds_nothing(browser: Browser) -> None:
    browser.sign_in(ALICE)
    assert browser.http.post(PAGE, data={"csrf": "x", "purpose": "registration"}).status_code == 400


def test_a_removed_passkey_signs_out_everything_else(
    provider: Provider, browser: Browser, authenticator: Authenticator
) -> None:
    browser.sign_in(BOB)
    add(browser, authenticator)
    other = provider.browser()
    use(other, other.open(), authenticator)
    page = post(browser, action="remove", id=str(rows(provider)[0]["id"]))
    assert "The passkey was removed." in page.text
    assert rows(provider) == []
    assert "passkey_removed" in provider.events()
    assert 'id="password"' in other.open().text
    assert browser.get("/account").status_code == 200


def test_the_last_second_step_stays(provider: Provider, browser: Browser, authenticator: Authenticator) -> None:
    browser.sign_in(ALICE)
    add(browser, authenticator)
    _again_with(browser, authenticator)
    page = post(browser, action="remove", id=str(rows(provider)[0]["id"]))
    assert error_of(page).startswith("This is your last second step.")
    assert len(rows(provider)) == 1


def test_nobody_removes_or_names_anothers_passkey(provider: Provider, browser: Browser) -> None:
    give_passkey(provider, CAROL)
    browser.sign_in(ALICE)
    theirs = str(rows(provider)[0]["id"])
    for fields in ({"action": "remove"}, {"action": "rename", "passkey-name": "Mine"}):
        assert "There is no such passkey any more." in post(browser, id=theirs, **fields).text
    assert rows(provider)[0]["name"] == "Phone"


def test_a_passkey_gets_another_name(provider: Provider, browser: Browser, authenticator: Authenticator) -> None:
    browser.sign_in(BOB)
    add(browser, authenticator)
    post(browser, action="rename", id=str(rows(provider)[0]["id"]), **{"passkey-name": "Key ring"})
    assert rows(provider)[0]["name"] == "Key ring"


def test_a_browser_adds_one_by_itself_right_after_a_password(
    provider: Provider, browser: Browser, authenticator: Authenticator
) -> None:
    browser.sign_in(ALICE)
    home = browser.get("/account")
    assert 'data-passkey="conditional"' in home.text
    authenticator.verifies = False  # nobody was asked
    credential = authenticator.create(options(browser, "conditional"))
    post(browser, action="add-passkey", purpose="conditional", credential=credential)
    assert [row["demanded"] for row in rows(provider)] == [False]
    assert 'data-passkey="conditional"' not in browser.get("/account").text


def test_a_browser_adds_none_by_itself_later(provider: Provider, browser: Browser) -> None:
    browser.sign_in(ALICE)
    provider.clock.advance(minutes=6)
    assert 'data-passkey="conditional"' not in browser.get("/account").text


def test_the_page_tells_which_credentials_count(browser: Browser, authenticator: Authenticator) -> None:
    browser.sign_in(BOB)
    page = add(browser, authenticator)
    assert 'data-accepted="' in page.text and f'data-holder="{authenticator.user_handle}"' in page.text


def test_the_users_mail_says_that_a_passkey_was_added(provider: Provider, browser: Browser) -> None:
    provider.sql("UPDATE users SET email_verified_at = :now", now=str(provider.clock.now()))
    give_passkey(provider, BOB)
    with provider.database.autocommit() as db:
        kinds = [row[0] for row in db.exec_driver_sql("SELECT kind FROM mails")]
    assert "passkey_added" in kinds


def _again_with(browser: Browser, authenticator: Authenticator) -> None:
    """Sign in anew for the page: from now on the passkey is asked for."""
    page = browser.follow(browser.get(PAGE))
    if page.status_code == 200 and 'data-passkey="second_factor"' in page.text:
        use(browser, page, authenticator, "second_factor")
