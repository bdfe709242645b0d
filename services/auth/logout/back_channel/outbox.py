"""The outbox: which client is still to be told that which session is over.

Policy: ADR-0021; Spec: OpenID Connect Back-Channel Logout s2.5
A notice is written in the transaction that ends the session, so that neither is without the other. A process claims
it by moving its next attempt to after the lease: when it dies in between, another one finds the notice due again.
At least once, therefore: a client may hear of the same session twice, under the same `jti`.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

#: How long a claimed notice is left to the process that claimed it: longer than a delivery may take.
LEASE = timedelta(seconds=30)
#: Notices that a process has on their way at once.
BATCH = 20

_FIRST_WAIT = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(minutes=30)


@dataclass(frozen=True)
class LogoutNotice:
    """One row. `id` is the `jti`; `attempts` counts this one already once it is claimed."""

    id: UUID
    client_id: str
    user_id: UUID
    session_id: UUID
    created_at: datetime
    attempts: int = 0


class LogoutNotices(Protocol):
    """The port that storage implements."""

    def clients_of(self, session_id: UUID) -> list[str]:
        """Return the enabled clients with a back channel that were given tokens in this session."""
        ...

    def add(self, notice: LogoutNotice) -> None:
        """Insert it, unless this client is told of this session already."""
        ...

    def claim(
        self, now: datetime, *, lease: timedelta, limit: int, per_client: int, without: Collection[str] = ()
    ) -> list[LogoutNotice]:
        """Take those that are due, in one statement: no two processes get the same one.

        At most `per_client` of each client but those of `without`; each client's oldest before any client's second.
        """
        ...

    def overdue(self, client_id: str, *, before: datetime, limit: int) -> list[LogoutNotice]:
        """Return those of a client that are from before this moment and still to be delivered, the oldest first."""
        ...

    def put_off(self, notice: LogoutNotice, until: datetime) -> None:
        """Try again then; does nothing if another process has claimed it meanwhile."""
        ...

    def finish(self, notice: LogoutNotice, outcome: str, now: datetime) -> bool:
        """Close the notice; False when it was closed before."""
        ...


def queue_notices(notices: LogoutNotices, session_id: UUID, user_id: UUID, now: datetime) -> None:
    """Write a notice for every client that was given tokens in a session that ends now."""
    for client_id in notices.clients_of(session_id):
        notices.add(LogoutNotice(uuid7(), client_id, user_id, session_id, now))


def next_wait(attempts: int) -> timedelta:
    """Return how long to wait after this many attempts: twice as long each time, up to half an hour, +-20 %.

    The jitter keeps the notices of one outage from coming back all at once.
    """
    wait = min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)
    return wait * (80 + secrets.randbelow(41)) / 100
