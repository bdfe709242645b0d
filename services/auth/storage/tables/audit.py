"""The record of security events."""

from sqlalchemy import Column, String, Table, Uuid

from services.auth.storage.tables.schema import metadata
from shared.database import Json, UtcDateTime

#: Appended to, never changed: triggers refuse UPDATE and DELETE (see the first migration).
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
)
