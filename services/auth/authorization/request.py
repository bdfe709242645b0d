"""The waiting request: the row in which an authorization request waits for a person.

Policy: ADR-0007
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.revocation import PendingRequests


@dataclass(frozen=True)
class WaitingRequest:
    """One row: a request that waits for a person, and how far that person has come.

    `browser_hash`: the one browser that may go on with it. `first_factor_user_id`: a password was right, the second
    factor is still to come; that lives here alone. `signed_in_session_id`: a sign-in was completed for this request.
    `continued_session_id`: the person agreed to go on as that session's user. `consented_session_id`: and to what the
    client asks for. `pushed`: its client has pushed it, and no browser has come for it yet. `network`: where it came
    from. `outcome`: what its client was answered, "code" or an error. `notice`: what a page says of the last try.
    """

    handle_hash: bytes
    request: AuthorizationRequest
    created_at: datetime
    expires_at: datetime
    browser_hash: bytes | None = None
    first_factor_user_id: UUID | None = None
    first_factor_at: datetime | None = None
    signed_in_session_id: UUID | None = None
    continued_session_id: UUID | None = None
    consented_session_id: UUID | None = None
    pushed: bool = False
    network: str | None = None
    completed_at: datetime | None = None
    outcome: str | None = None
    notice: dict[str, Any] | None = None


class WaitingRequests(PendingRequests, Protocol):
    """The port that storage implements. Finding and completing name the browser: a handle alone opens nothing."""

    def add(self, waiting: WaitingRequest) -> None:
        """Store it; the oldest row of a browser or network that has too many goes."""
        ...

    def bind(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> None:
        """Give an unbound row to this browser; a bound one and a pushed one stay as they are."""
        ...

    def find_pushed(self, handle_hash: bytes, now: datetime) -> AuthorizationRequest | None:
        """Return an unexpired pushed request that no browser has come for."""
        ...

    def claim_pushed(
        self, handle_hash: bytes, browser_hash: bytes, *, network: str, expires_at: datetime, now: datetime
    ) -> None:
        """Make a pushed request this browser's waiting one, in one conditional statement."""
        ...

    def find(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> WaitingRequest | None:
        """Return the row if it is this browser's, unexpired and not completed."""
        ...

    def set_first_factor(self, handle_hash: bytes, user_id: UUID, now: datetime) -> None: ...

    def set_signed_in(self, handle_hash: bytes, session_id: UUID) -> None:
        """Record a completed sign-in; a first factor without its second is forgotten."""
        ...

    def set_notice(self, handle_hash: bytes, notice: dict[str, Any]) -> None:
        """Note what the page of a step is to say of the last try."""
        ...

    def set_continued(self, handle_hash: bytes, session_id: UUID) -> None: ...

    def set_consented(self, handle_hash: bytes, session_id: UUID) -> None: ...

    def find_any(self, handle_hash: bytes) -> WaitingRequest | None:
        """Return the row in whatever state it is, also for another browser: to say what has become of it."""
        ...

    def complete(self, handle_hash: bytes, browser_hash: bytes, now: datetime, *, outcome: str) -> bool:
        """Use the row up, noting its answer; False when it is not this browser's, expired or used up before."""
        ...
