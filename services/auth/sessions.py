"""The browser session at the provider: what makes the second sign-in need no password.

Policy: ADR-0007; Spec: OWASP ASVS 7.2 and 7.3
The cookie is a random secret, new at every authentication; `id` is the `sid` of tokens and never the cookie.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

#: Authentication context classes (OpenID Connect Core s2, `acr`), the weaker first.
ACR_1FA = "urn:company:acr:1fa"
ACR_MFA = "urn:company:acr:mfa"

#: A second factor older than this counts no more in new sign-ins.
MFA_LIFETIME = timedelta(hours=24)
#: With a first factor at most this old, a second factor alone steps a session up.
STEP_UP_WINDOW = timedelta(hours=12)


@dataclass(frozen=True)
class BrowserSession:
    """One row. `auth_time`: the last authentication; `password_at` and `mfa_at`: the last of each factor."""

    id: UUID
    user_id: UUID
    cookie_hash: bytes
    auth_time: datetime
    password_at: datetime
    mfa_at: datetime | None
    created_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def live(self, now: datetime) -> bool:
        """Say whether the session may still be used."""
        return self.ended_at is None and now < self.idle_expires_at and now < self.expires_at

    def acr(self, now: datetime) -> str:
        """Return the authentication context class that the session reaches at this moment."""
        fresh = self.mfa_at is not None and now - self.mfa_at <= MFA_LIFETIME
        return ACR_MFA if fresh else ACR_1FA

    def amr(self, now: datetime) -> tuple[str, ...]:
        """Return the methods behind that class (RFC 8176)."""
        return ("pwd", "otp", "mfa") if self.acr(now) == ACR_MFA else ("pwd",)


class Sessions(Protocol):
    """The port that storage implements."""

    def find_by_cookie(self, cookie_hash: bytes) -> BrowserSession | None: ...

    def lock(self, session_id: UUID) -> BrowserSession | None:
        """Find, and hold the row unchanged until the transaction ends."""
        ...

    def save(self, session: BrowserSession) -> None:
        """Insert the session, or overwrite the row with its id."""
        ...

    def touch(self, session_id: UUID, *, idle_expires_at: datetime) -> None: ...

    def end(self, session_id: UUID, now: datetime) -> None: ...


@dataclass(frozen=True)
class SessionLifetimes:
    """How long a session lives unused, and at most."""

    idle: timedelta
    absolute: timedelta


def authenticated(
    previous: BrowserSession | None,
    *,
    user_id: UUID,
    cookie_hash: bytes,
    password_at: datetime,
    mfa_at: datetime | None,
    lifetimes: SessionLifetimes,
    now: datetime,
) -> BrowserSession:
    """Return the session after an authentication: the same `sid` for the same user, else a new one.

    The cookie is new either way (session fixation: OWASP ASVS 7.2.4). Does not end `previous` of another user.
    """
    if previous is not None and previous.user_id == user_id:
        return replace(
            previous,
            cookie_hash=cookie_hash,
            auth_time=now,
            password_at=password_at,
            mfa_at=mfa_at or previous.mfa_at,
            idle_expires_at=now + lifetimes.idle,
            expires_at=now + lifetimes.absolute,
        )
    return BrowserSession(
        id=uuid7(),
        user_id=user_id,
        cookie_hash=cookie_hash,
        auth_time=now,
        password_at=password_at,
        mfa_at=mfa_at,
        created_at=now,
        idle_expires_at=now + lifetimes.idle,
        expires_at=now + lifetimes.absolute,
    )
