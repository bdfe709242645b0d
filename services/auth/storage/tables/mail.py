"""What reaches people outside of the browser: links, and mail."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table, Uuid

from services.auth.storage.tables.schema import index_where, metadata
from shared.database import Json, UtcDateTime

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("kind", String(20), nullable=False),  # invitation, reset, verification
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("email_key", String(300)),  # the address that it was sent to; NULL: it was handed over
    Column("email", String(254)),  # of a verification: the address as it is to be shown
    Column("browser_hash", LargeBinary(32)),  # the browser that accepted or used it
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

#: The outbox. An address and what the text needs are kept until the mail is out.
mails = Table(
    "mails",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),  # of a reset: once it was found whose
    Column("address", String(254), nullable=False),
    Column("address_hash", LargeBinary(32), nullable=False, index=True),  # for the limit by address
    Column("details", Json, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("outcome", String(20)),  # delivered, refused, given_up, dropped; NULL: still to be sent
    Column("finished_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    index_where("ix_mails_due", "next_attempt_at", "outcome IS NULL"),
)
