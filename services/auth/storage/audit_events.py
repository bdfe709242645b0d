"""The audit trail in the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, delete, func, insert, select, update
from uuid_utils.compat import uuid7

from services.auth.audit import AuditEvent
from services.auth.storage.tables import audit_events, audit_retention
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_RECORD = CompiledStatement(
    lambda _: insert(audit_events).values({column.name: bindparam(column.name) for column in audit_events.c})
)

#: What no setting shortens; the triggers of the table hold it too.
KEPT_AT_LEAST = timedelta(days=30)


@dataclass(frozen=True)
class SqlAuditTrail:
    """Implements `audit.AuditTrail`."""

    connection: Connection

    def record(self, event: AuditEvent) -> None:
        _RECORD.count(self.connection, audit_row(event))

    def pseudonymise(self, user_id: UUID) -> UUID:
        pseudonym = uuid4()
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(select(func.pseudonymise_audit_events(user_id, pseudonym)))
        else:
            details = func.json_remove(audit_events.c.details, "$.rotated_from")
            values = {"user_id": pseudonym, "network": None, "agent": None, "details": details}
            self.connection.execute(update(audit_events).where(audit_events.c.user_id == user_id).values(values))
        return pseudonym


def forget_audit_events(connection: Connection, before: datetime, batch: int) -> int:
    """Delete up to `batch` of the oldest events from before this moment, and return how many went.

    The database keeps the 30 days before the newest event, whatever it is asked. On PostgreSQL a function does it that
    belongs to the owner of the table: a service's own role may delete nothing of it.
    """
    if connection.dialect.name == "postgresql":
        return int(connection.execute(select(func.forget_audit_events(before, batch))).scalar_one())
    at, kept_from = audit_events.c.at, audit_retention.c.kept_from
    newest = connection.execute(select(func.max(at))).scalar()
    if newest is not None and before <= newest - KEPT_AT_LEAST:
        connection.execute(update(audit_retention).where(kept_from < before).values(kept_from=before))
    oldest = select(audit_events.c.id).where(at < before, at < select(kept_from).scalar_subquery()).order_by(at)
    return connection.execute(delete(audit_events).where(audit_events.c.id.in_(oldest.limit(batch)))).rowcount


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
        "request_id": event.request_id,
    }
