"""What a person sees of their own: sessions, installed apps, what they allowed, and what happened.

Policy: ADR-0118
Every look names the user: an id of somebody else's is one that does not exist.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.auth.accounts.browser_session import BrowserSession

#: Rows that one page shows at most.
MOST_SHOWN = 100


@dataclass(frozen=True)
class AppInstall:
    """A live family of a native client. `label`: what its device is called, if it said so."""

    id: UUID
    session_id: UUID
    client_name: str
    label: str | None
    network: str
    agent: str
    since: datetime
    last_used: datetime


@dataclass(frozen=True)
class ConnectedApp:
    """A client that the user has allowed something."""

    client_id: str
    client_name: str
    scopes: frozenset[str]
    since: datetime


@dataclass(frozen=True)
class OwnEvent:
    """One line of the audit trail about the user."""

    id: UUID
    at: datetime
    event: str
    client_name: str | None
    network: str | None
    agent: str | None
    details: dict[str, Any]


class OwnRecords(Protocol):
    """The port that storage implements."""

    def sessions(self, user_id: UUID, now: datetime) -> list[BrowserSession]:
        """Return the live ones, the newest sign-in first."""
        ...

    def session(self, user_id: UUID, session_id: UUID) -> BrowserSession | None:
        """Return one of the user's that has not ended."""
        ...

    def installs(self, user_id: UUID, now: datetime) -> list[AppInstall]:
        """Return the live ones, the last used first."""
        ...

    def apps(self, user_id: UUID) -> list[ConnectedApp]:
        """Return every client with a consent, by name."""
        ...

    def events(self, user_id: UUID, names: frozenset[str], *, before: UUID | None, limit: int) -> list[OwnEvent]:
        """Return those with these names, the newest first; `before`: older than this one."""
        ...
