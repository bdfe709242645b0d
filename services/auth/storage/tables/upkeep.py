"""What processes do by the clock, and which of them does it."""

from sqlalchemy import Column, String, Table, Uuid

from services.auth.storage.tables.schema import metadata
from shared.database import UtcDateTime

#: One row a task. Whoever moves `leased_until` does it; the others leave it alone until then.
upkeep_tasks = Table(
    "upkeep_tasks",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("due_at", UtcDateTime, nullable=False),
    Column("holder", Uuid),
    Column("leased_until", UtcDateTime),
    Column("done_at", UtcDateTime),
)
