"""the version of an order, its history, and an index for each order of a list"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_order_history"
down_revision = "0002_idempotency_keys"
branch_labels = None
depends_on = None

_INDEXES = (
    ["owner_sub", "updated_at", "id"],
    ["owner_team", "updated_at", "id"],
    ["updated_at", "id"],
    ["customer_id", "created_at", "id"],
)


def upgrade() -> None:
    # with a default, in one step on both backends: rebuilding the table on SQLite would take the lines with it
    op.add_column("orders", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    for columns in _INDEXES:
        op.create_index(op.f(f"ix_orders_{'_'.join(columns)}"), "orders", columns)
    op.create_table(
        "order_history",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_sub", sa.String(length=255), nullable=False),
        sa.Column("actor_client_id", sa.String(length=255), nullable=False),
        sa.Column("actor_acting", sa.String(length=255), nullable=True),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("from_status", sa.String(length=20), nullable=True),
        sa.Column("to_status", sa.String(length=20), nullable=False),
        sa.Column("changes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_history_order_id_orders"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", "version", name=op.f("pk_order_history")),
    )


def downgrade() -> None:
    op.drop_table("order_history")
    for columns in _INDEXES:
        op.drop_index(op.f(f"ix_orders_{'_'.join(columns)}"), "orders")
    op.execute("ALTER TABLE orders DROP COLUMN version")
