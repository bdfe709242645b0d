"""What is written about the people who sign in: made, given an address, activated, and forgotten again.

The port that storage implements; `Users` only reads them and ends what they have.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.auth.accounts.email_address import EmailAddress


@dataclass(frozen=True, repr=False)
class NewUser:
    """A user who is to be made. Without `password_hash` they are invited, not active."""

    id: UUID
    username: str
    display_name: str | None
    email: EmailAddress | None
    email_verified: bool
    password_hash: str | None
    team: str | None
    roles: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True)
class UserSummary:
    """What `users list` shows of one user."""

    id: UUID
    username: str
    display_name: str
    email: str | None
    email_verified: bool
    state: str
    since: datetime


class People(Protocol):
    """The port that storage implements."""

    def add(self, user: NewUser) -> None: ...

    def owner_of(self, key: str) -> UUID | None:
        """Return who signs in by this name: by user name, or by verified address."""
        ...

    def was_ever_in(self, role: str) -> bool:
        """Report whether somebody with this role has ever been active; they may be disabled now."""
        ...

    def set_email(self, user_id: UUID, email: EmailAddress, *, verified_at: datetime | None, now: datetime) -> None:
        """Give a user this address. Conflict: somebody else proves it at the same time; the transaction is lost."""
        ...

    def set_display_name(self, user_id: UUID, name: str, now: datetime) -> None: ...

    def verify_email(self, user_id: UUID, now: datetime) -> None:
        """Take the address for proven from now on."""
        ...

    def set_password(self, user_id: UUID, password_hash: str, now: datetime) -> None:
        """Replace the password; somebody who was invited is active from now on."""
        ...

    def replace_hash(self, user_id: UUID, *, read: str, write: str) -> bool:
        """Store the same password under another hash; False when the password has changed since it was read."""
        ...

    def grant_role(self, user_id: UUID, role: str, now: datetime) -> None: ...

    def forget(self, user_id: UUID, now: datetime) -> None:
        """Delete the user; rows that must outlive them (ended sign-ins) become nobody's, without agent and network."""
        ...

    def summaries(self) -> list[UserSummary]:
        """Return everybody who is not deleted, by name."""
        ...
