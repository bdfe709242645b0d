"""The audit trail: what happened to whom, appended, kept for a time, and never rewritten.

Policy: ADR-0076. No token, password, code or cookie goes into an event.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from shared.request_context import request_id


@dataclass(frozen=True)
class Origin:
    """Where a request came from: the client's network address and its User-Agent, both cut to a bounded length."""

    network: str
    agent: str


@dataclass(frozen=True)
class AuditEvent:
    """One line of the trail. `event` is a snake_case verb phrase such as `refresh_token_reuse`."""

    event: str
    at: datetime
    user_id: UUID | None = None
    client_id: str | None = None
    session_id: UUID | None = None
    family_id: UUID | None = None
    origin: Origin | None = None
    details: dict[str, Any] = field(default_factory=dict)
    #: Of the request in which it happened, if it was one.
    request_id: str | None = field(default_factory=request_id)


class AuditTrail(Protocol):
    """The port that storage implements."""

    def record(self, event: AuditEvent) -> None: ...

    def pseudonymise(self, user_id: UUID) -> UUID:
        """Put a random id in place of a deleted user's in every row, and drop the networks and agents of those rows.

        To be called in the transaction that has deleted the user's row, after that: while there is such a user the
        database refuses it. What is recorded of the deletion itself carries the returned id.
        """
        ...
