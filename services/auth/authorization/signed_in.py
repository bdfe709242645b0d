"""Who is signed in in a browser: the one place that says whether a session still counts.

Policy: ADR-0007
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.accounts.browser_session import ACR_MFA, BrowserSession, Sessions
from services.auth.accounts.user import User


@dataclass(frozen=True)
class SignedIn:
    """A live session and its user."""

    session: BrowserSession
    user: User

    def by_every_factor(self, now: datetime) -> bool:
        """Report whether the last sign-in was by two factors, if the user has a second one by now."""
        return not self.user.has_second_factor or self.session.acr(now) == ACR_MFA


class SessionStores(Protocol):
    """What is read for it."""

    @property
    def sessions(self) -> Sessions: ...


def find_signed_in(stores: SessionStores, session_hash: bytes | None, now: datetime) -> SignedIn | None:
    """Return the session of this cookie and its user.

    None: no such session, one that has ended or expired, one from before the user's `tokens_valid_from`, or a
    disabled user.
    """
    found = stores.sessions.find_with_user(session_hash) if session_hash else None
    if found is None:
        return None
    session, user = found
    return SignedIn(session, user) if session.live(now) and user.may_sign_in(session.auth_time) else None


def signed_in_as(user: User, stores: SessionStores, session_hash: bytes | None, now: datetime) -> BrowserSession | None:
    """Return the session of this cookie if it is `user`'s."""
    signed_in = find_signed_in(stores, session_hash, now)
    return signed_in.session if signed_in is not None and signed_in.user.id == user.id else None
