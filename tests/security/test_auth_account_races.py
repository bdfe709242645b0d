"""Attacks by a session that ends, or becomes too weak, between its form and the lock; and by factors that are dead."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.auth.accounts.browser_session import BrowserSession
from services.auth.storage.users import SqlUsers
from shared.testing import SettableClock
from tests.integration.auth import own_pages as own
from tests.integration.auth.account import form_token, sign_in_to
from tests.integration.auth.conftest import stop
from tests.integration.auth.passkeys import give_passkey, holder_of, registration_of, rows
from tests.integration.auth.provider import Browser, Provider, error_of, start
from tests.integration.auth.seeds import ALICE, BOB
from tests.support.authenticator import Authenticator

PAGE = "/account/passkeys"
LAST = "This is your last second step."


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


def _ends_before_the_lock(monkeypatch: pytest.MonkeyPatch, session: BrowserSession) -> None:
    """Let another transaction end the session just before the user's row is held."""
    lock = SqlUsers.lock_for_end

    def late(users: SqlUsers, user_id: Any) -> None:
        statement = text("UPDATE browser_sessions SET ended_at = created_at WHERE cookie_hash = :cookie")
        users.connection.execute(statement, {"cookie": session.cookie_hash})
        lock(users, user_id)

    monkeypatch.setattr(SqlUsers, "lock_for_end", late)


def _signed_in_bob(provider: Provider, path: str = "/account") -> Browser:
    browser = provider.browser()
    provider.clock.advance(seconds=30)  # to a code that was not used yet
    sign_in_to(browser, path, BOB)
    return browser


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (PAGE, {"action": "remove"}),
        ("/account/lost-phone", {"action": "confirm-lost-phone"}),
        ("/account/sessions", {"action": "end-others"}),
        ("/account/sessions", {"action": "end"}),
    ],
    ids=["remove a passkey", "lost phone", "end others", "end one"],
)
def test_a_session_that_ended_before_the_lock_was_got_does_nothing(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, path: str, fields: dict[str, str]
) -> None:
    give_passkey(provider, BOB)
    thief, owner = _signed_in_bob(provider), _signed_in_bob(provider)
    row = rows(provider)[0]["id"] if path == PAGE else holder_of(provider, owner).session.id
    sent = {"csrf": form_token(thief), "id": str(row), **fields}
    _ends_before_the_lock(monkeypatch, holder_of(provider, thief).session)
    answer = thief.http.post(path, data=sent)
    assert answer.status_code == 303
    monkeypatch.undo()
    assert owner.get("/account").status_code == 200
    assert thief.get("/account").status_code == 303
    assert len(rows(provider)) == 1
    assert not {"passkey_removed", "phone_lost", "ended_by_user"} & set(provider.events())


def test_a_removed_passkey_gives_the_session_another_cookie_and_ends_the_known_browsers(provider: Provider) -> None:
    give_passkey(provider, BOB)
    browser = _signed_in_bob(provider)
    before = holder_of(provider, browser)
    sent = {"csrf": form_token(browser), "action": "remove", "id": str(rows(provider)[0]["id"])}
    browser.http.post(PAGE, data=sent)
    after = holder_of(provider, browser)
    assert after.session.id == before.session.id
    assert after.session.cookie_hash != before.session.cookie_hash
    assert after.user.tokens_valid_from == provider.clock.now()
    assert rows(provider) == []


def test_the_last_passkey_that_can_be_used_stays_beside_a_copied_one(provider: Provider) -> None:
    give_passkey(provider, BOB)
    provider.clock.advance(seconds=30)
    give_passkey(provider, BOB)
    browser = _signed_in_bob(provider)
    copied, good = rows(provider)
    provider.sql("UPDATE passkeys SET copied_at = created_at WHERE created_at < (SELECT max(created_at) FROM passkeys)")
    provider.sql("DELETE FROM totp_credentials")
    token = form_token(browser)
    refused = browser.http.post(PAGE, data={"csrf": token, "action": "remove", "id": str(good["id"])})
    assert error_of(refused).startswith(LAST)
    done = browser.http.post(PAGE, data={"csrf": token, "action": "remove", "id": str(copied["id"])})
    assert done.status_code == 303
    assert [row["id"] for row in rows(provider)] == [good["id"]]


def test_a_copied_passkey_does_not_let_the_app_go_without_the_password(provider: Provider) -> None:
    browser = provider.browser()
    own.enrolled(browser)
    authenticator_page = browser.get(f"{own.APP}/remove")
    _copied_passkey_of_alice(provider, browser)
    refused = own.post(browser, f"{own.APP}/remove", authenticator_page, action="remove-totp")
    assert error_of(refused) == "The current password is wrong."
    done = own.post(browser, f"{own.APP}/remove", authenticator_page, current_password=ALICE[1], action="remove-totp")
    assert done.status_code == 200
    assert rows(provider) == []
    fresh = provider.browser()
    assert fresh.enter_password(fresh.open(), ALICE).status_code == 303


def _copied_passkey_of_alice(provider: Provider, browser: Browser) -> None:
    registration, holder, now = registration_of(provider), holder_of(provider, browser), provider.clock.now()
    answer = Authenticator(provider.settings.issuer).create(registration.ask(holder, now, conditional=False))
    registration.add(holder, answer, "x", now, conditional=False)
    provider.sql("UPDATE passkeys SET copied_at = created_at")
