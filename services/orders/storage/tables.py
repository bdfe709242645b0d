"""The whole schema of Orders."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Uuid

from shared.api.idempotency import idempotency_table
from shared.api.teams import people_table
from shared.database import Json, UtcDateTime, new_metadata
from shared.installation import installation_table

metadata = new_metadata()

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_sub", String(255), nullable=False),
    Column("owner_team", String(255)),
    Column("customer_id", Uuid, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    # a list reads one range of one of these: a user's own, a team's, everything; in each order that can be asked for
    Index(None, "owner_sub", "created_at", "id"),
    Index(None, "owner_team", "created_at", "id"),
    Index(None, "created_at", "id"),
    Index(None, "owner_sub", "updated_at", "id"),
    Index(None, "owner_team", "updated_at", "id"),
    Index(None, "updated_at", "id"),
    Index(None, "customer_id", "created_at", "id"),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("description", String(500), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    CheckConstraint("quantity >= 1", name="quantity"),
    CheckConstraint("unit_price_minor >= 0", name="unit_price_minor"),
)

# One row for each version of an order; the service's role may add and read, no more (deploy.migrate).
order_history = Table(
    "order_history",
    metadata,
    Column("order_id", ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor_sub", String(255), nullable=False),
    Column("actor_client_id", String(255), nullable=False),
    Column("actor_acting", String(255)),
    Column("action", String(20), nullable=False),
    Column("from_status", String(20)),
    Column("to_status", String(20), nullable=False),
    Column("changes", Json, nullable=False),
)

people = people_table(metadata)
installation = installation_table(metadata)

idempotency_keys = idempotency_table(metadata)
