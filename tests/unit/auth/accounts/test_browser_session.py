"""The browser session's life (OWASP ASVS 7.2.4, 7.3)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.auth.accounts.browser_session import (
    ACR_1FA,
    ACR_MFA,
    Authentication,
    BrowserSession,
    SessionLifetimes,
    new_session,
    renewed_session,
)
from services.auth.audit import Origin

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LIFETIMES = SessionLifetimes(timedelta(hours=12), timedelta(days=7))
ALICE = UUID(int=1)
HOUR = timedelta(hours=1)


def authentication(**changes: Any) -> Authentication:
    values: dict[str, Any] = {"user_id": ALICE, "password_at": NOW, "mfa_at": None, "at": NOW, **changes}
    values.setdefault("origin", Origin("192.0.2.1", "Browser/1"))
    return Authentication(cookie_hash=b"new", **values)


def begin(**changes: Any) -> BrowserSession:
    return new_session(authentication(**changes), LIFETIMES)


def test_it_ends_twelve_hours_unused_or_after_seven_days_or_when_it_is_ended() -> None:
    session = begin()
    assert session.live(NOW + 12 * HOUR - timedelta(microseconds=1))
    assert not session.live(NOW + 12 * HOUR)
    kept = BrowserSession(**{**vars(session), "idle_expires_at": NOW + timedelta(days=30)})
    assert kept.live(NOW + timedelta(days=7) - HOUR) and not kept.live(NOW + timedelta(days=7))
    assert not BrowserSession(**{**vars(session), "ended_at": NOW}).live(NOW)


def test_the_same_user_keeps_the_sid_and_gets_another_cookie() -> None:
    before = BrowserSession(**{**vars(begin()), "cookie_hash": b"old", "mfa_at": NOW - HOUR})
    after = renewed_session(before, authentication(password_at=NOW + HOUR, at=NOW + HOUR), LIFETIMES)
    assert after.id == before.id and after.created_at == before.created_at
    assert after.cookie_hash == b"new"
    assert after.auth_time == after.password_at == NOW + HOUR
    assert after.mfa_at == before.mfa_at, "a second factor is not forgotten by typing the password again"
    assert after.expires_at == NOW + HOUR + timedelta(days=7)


@pytest.mark.parametrize(
    ("age", "acr", "amr"),
    [
        (None, ACR_1FA, ("pwd",)),
        (timedelta(0), ACR_MFA, ("pwd", "otp", "mfa")),
        (24 * HOUR, ACR_MFA, ("pwd", "otp", "mfa")),
        (24 * HOUR + timedelta(seconds=1), ACR_1FA, ("pwd",)),
    ],
)
def test_a_second_factor_counts_for_a_day(age: timedelta | None, acr: str, amr: tuple[str, ...]) -> None:
    session = begin(password_at=NOW - 25 * HOUR, mfa_at=None if age is None else NOW - age)
    assert (session.acr(NOW), session.amr(NOW)) == (acr, amr)


def test_a_second_factor_from_before_the_last_password_is_remembered_and_no_part_of_that_sign_in() -> None:
    session = begin(password_at=NOW, mfa_at=NOW - timedelta(seconds=1))
    assert session.mfa_is_remembered(NOW) and not session.mfa_is_remembered(NOW + 24 * HOUR)
    assert (session.acr(NOW), session.amr(NOW)) == (ACR_1FA, ("pwd",))
