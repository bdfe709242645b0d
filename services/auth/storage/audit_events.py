"""The audit trail in the database."""

from dataclasses import dataclass

from sqlalchemy import insert
from uuid_utils.compat import uuid7

from services.auth.audit import AuditEvent
from services.auth.storage.tables import audit_events
from shared.database import Connection

_RECORD = insert(audit_events)


@dataclass(frozen=True)
class SqlAuditTrail:
    """Implements `audit.AuditTrail`."""

    connection: Connection

    def record(self, event: AuditEvent) -> None:
        values = {
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
        self.connection.execute(_RECORD, values)
