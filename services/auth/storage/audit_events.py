"""The audit trail in the database."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert
from uuid_utils.compat import uuid7

from services.auth.audit import AuditEvent
from services.auth.storage.tables import audit_events
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_RECORD = CompiledStatement(
    lambda _: insert(audit_events).values({column.name: bindparam(column.name) for column in audit_events.c})
)


@dataclass(frozen=True)
class SqlAuditTrail:
    """Implements `audit.AuditTrail`."""

    connection: Connection

    def record(self, event: AuditEvent) -> None:
        _RECORD.count(self.connection, audit_row(event))


def audit_row(event: AuditEvent) -> dict[str, Any]:
    """Return the columns of an event, which gets its id here."""
    return {
        "id": uuid7(),
        "at": event.at,
        "event": event.event,
        "user_id": event.user_id,
        "client_id": event.client_id,
        "session_id": event.session_id,
        "family_id": event.family_id,
        "network": event.origin.network if event.origin else None,
        "agent": event.origin.agent if event.origin else None,
        "details": event.details,
    }
