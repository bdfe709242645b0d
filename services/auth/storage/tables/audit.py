"""The record of security events, and from when on it is kept."""

from sqlalchemy import CheckConstraint, Column, Integer, String, Table, Uuid

from services.auth.storage.tables.schema import metadata
from shared.database import Json, UtcDateTime

#: Appended to, never changed: triggers refuse UPDATE and DELETE, but for what ADR-0076 names.
audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("event", String(100), nullable=False),
    Column("user_id", Uuid, index=True),
    Column("client_id", String(200)),
    Column("session_id", Uuid),
    Column("family_id", Uuid, index=True),
    Column("network", String(100)),
    Column("agent", String(300)),
    Column("details", Json, nullable=False),
    Column("request_id", String(64)),  # NULL: no request, or several
)

#: One row. Older events may be deleted; `kept_from` only grows, and never to less than 30 days before the newest event.
audit_retention = Table(
    "audit_retention",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kept_from", UtcDateTime, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
