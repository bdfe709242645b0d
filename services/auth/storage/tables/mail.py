"""What reaches people outside of the browser: links that they are given."""

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table

from services.auth.storage.tables.schema import metadata
from shared.database import UtcDateTime

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("kind", String(20), nullable=False),  # invitation, reset
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("email_key", String(300)),  # the address that it was sent to; NULL: it was handed over
    Column("browser_hash", LargeBinary(32)),  # the browser that accepted or used it
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)
