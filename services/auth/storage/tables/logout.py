"""Logout requests, and the notices that go to clients."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint, Uuid

from services.auth.storage.tables.schema import index_where, metadata
from shared.database import Json, UtcDateTime

waiting_logouts = Table(  # logout requests that wait for their browser or for a person's yes
    "waiting_logouts",
    metadata,
    Column("handle_hash", LargeBinary(32), primary_key=True),
    Column("browser_hash", LargeBinary(32), index=True),  # NULL until the first browser comes for it
    Column("request", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
    Column("outcome", String(40)),  # what the person chose and what came of it; NULL: nothing yet
    Column("network", String(100)),  # where it came from; NULL: nobody can say
    Index("ix_waiting_logouts_network", "network", "created_at"),
)

#: The outbox: which client is to be told that which session is over. `id` is the `jti`.
logout_notices = Table(
    "logout_notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", ForeignKey("clients.client_id"), nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("outcome", String(20)),  # delivered, refused, given_up, dropped; NULL: still to be delivered
    Column("finished_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("session_id", "client_id"),
    index_where("ix_logout_notices_due", "next_attempt_at", "outcome IS NULL"),
)
