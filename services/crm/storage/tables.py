"""The CRM's whole schema."""

from sqlalchemy import Column, Index, String, Table, Uuid

from shared.database import UtcDateTime, new_metadata

metadata = new_metadata()

contacts = Table(
    "contacts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_sub", String(255), nullable=False),
    Column("owner_team", String(255)),
    Column("name", String(200), nullable=False),
    Column("email", String(254)),
    Column("phone", String(50)),
    Column("company_id", Uuid),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # a list reads one range of one of these: a user's own, a manager's team, everything
    Index(None, "owner_sub", "created_at", "id"),
    Index(None, "owner_team", "created_at", "id"),
    Index(None, "created_at", "id"),
)
