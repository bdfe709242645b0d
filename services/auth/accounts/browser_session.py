"""The browser session at the provider: what makes the second sign-in need no password.

Policy: ADR-0007; Spec: OWASP ASVS 7.2 and 7.3
The cookie is a random secret, new at every authentication; `id` is the `sid` of tokens and never the cookie.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from services.auth.accounts.user import User
from services.auth.audit import Origin

#: Authentication context classes (OpenID Connect Core s2, `acr`), the weaker first.
ACR_1FA = "urn:company:acr:1fa"
ACR_MFA = "urn:company:acr:mfa"
#: Two factors that no look-alike page can take (OpenID EAP ACR Values s3); answered to who asks for it by name.
ACR_PHR = "phr"
ACRS = (ACR_1FA, ACR_MFA, ACR_PHR)

#: A second factor older than this counts no more in new sign-ins.
MFA_LIFETIME = timedelta(hours=24)
#: With a first factor at most this old, a second factor alone steps a session up.
STEP_UP_WINDOW = timedelta(hours=12)

#: Live sessions of one user; a further sign-in ends the oldest.
MOST_SESSIONS = 100


class Method(StrEnum):
    """By what a factor was given."""

    PASSWORD = "pwd"
    OTP = "otp"
    PASSKEY = "pop"


#: What each says of itself (RFC 8176): a passkey is proof that a key is held, and that somebody was there.
_AMR = {Method.PASSWORD: ("pwd",), Method.OTP: ("otp",), Method.PASSKEY: ("pop", "user")}


@dataclass(frozen=True)
class BrowserSession:
    """One row. `auth_time`: the last authentication; `password_at` and `mfa_at`: the last of each factor.

    A passkey that has verified its user is both factors at one moment.
    """

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
    #: Where its last sign-in came from, and with what.
    network: str | None = None
    agent: str | None = None
    first_method: Method = Method.PASSWORD
    second_method: Method | None = None

    def live(self, now: datetime) -> bool:
        """Report whether the session may still be used."""
        return self.ended_at is None and now < self.idle_expires_at and now < self.expires_at

    def mfa_is_remembered(self, now: datetime) -> bool:
        """Report whether the second factor need not be given again where nothing asks for it."""
        return self.mfa_at is not None and now - self.mfa_at <= MFA_LIFETIME

    def acr(self, now: datetime) -> str:
        """Return the authentication context class that the session reaches at this moment.

        A second factor from before the last password is not part of that authentication: else anyone with a signed-in
        browser and the password alone would get tokens that say "a second factor, just now".
        """
        together = self.mfa_at is not None and self.mfa_at >= self.password_at
        return ACR_MFA if together and self.mfa_is_remembered(now) else ACR_1FA

    def amr(self, now: datetime) -> tuple[str, ...]:
        """Return the methods behind that class (RFC 8176)."""
        first = _AMR[Method(self.first_method)]
        if self.acr(now) != ACR_MFA:
            return first
        second = _AMR[Method(self.second_method or Method.OTP)]
        return (*dict.fromkeys((*first, *second)), "mfa")

    def resists_phishing(self, now: datetime) -> bool:
        """Report whether one of the two factors is bound to this site (`ACR_PHR`)."""
        return self.acr(now) == ACR_MFA and Method.PASSKEY in {self.first_method, self.second_method}


class Sessions(Protocol):
    """The port that storage implements."""

    def find_by_cookie(self, cookie_hash: bytes) -> BrowserSession | None: ...

    def find_with_user(self, cookie_hash: bytes) -> tuple[BrowserSession, User] | None:
        """Return the session of this cookie and whose it is, in one statement."""
        ...

    def find(self, session_id: UUID) -> BrowserSession | None: ...

    def add(self, session: BrowserSession) -> None: ...

    def renew(self, session: BrowserSession) -> bool:
        """Overwrite the row with this id; False when it has ended meanwhile."""
        ...

    def touch(self, session_id: UUID, *, idle_expires_at: datetime) -> None: ...

    def end(self, session_id: UUID, now: datetime) -> bool:
        """End the row alone (`ends.end_session` does the whole); False when it had ended before."""
        ...

    def surplus(self, user_id: UUID, *, most: int, now: datetime) -> list[BrowserSession]:
        """Return the live sessions of a user past the newest `most`, by id."""
        ...

    def end_of_user(self, user_id: UUID, now: datetime, *, keep: UUID | None = None) -> list[UUID]:
        """End every row of the user that hasn't ended yet, but for `keep`, and return their ids."""
        ...


@dataclass(frozen=True)
class SessionLifetimes:
    """How long a session lives unused, and at most."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True)
class Authentication:
    """What a completed sign-in knows: who, from where, when each factor was given, and the digest of the new cookie.

    The cookie is new at every authentication (session fixation: OWASP ASVS 7.2.4).
    """

    user_id: UUID
    cookie_hash: bytes
    password_at: datetime
    mfa_at: datetime | None
    at: datetime
    origin: Origin
    first_method: Method = Method.PASSWORD
    second_method: Method | None = None


def new_session(authentication: Authentication, lifetimes: SessionLifetimes) -> BrowserSession:
    """Return the session that an authentication begins."""
    return BrowserSession(
        id=uuid7(),
        user_id=authentication.user_id,
        cookie_hash=authentication.cookie_hash,
        auth_time=authentication.at,
        password_at=authentication.password_at,
        mfa_at=authentication.mfa_at,
        created_at=authentication.at,
        idle_expires_at=authentication.at + lifetimes.idle,
        expires_at=authentication.at + lifetimes.absolute,
        network=authentication.origin.network,
        agent=authentication.origin.agent,
        first_method=authentication.first_method,
        second_method=authentication.second_method,
    )


def renewed_session(
    session: BrowserSession, authentication: Authentication, lifetimes: SessionLifetimes
) -> BrowserSession:
    """Return the same user's session after another authentication: the same `sid`, and what is newer of each factor."""
    begun = new_session(authentication, lifetimes)
    renewed = replace(begun, id=session.id, created_at=session.created_at)
    if authentication.mfa_at is not None:
        return renewed
    return replace(renewed, mfa_at=session.mfa_at, second_method=session.second_method)
