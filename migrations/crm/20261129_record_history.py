"""the history of records, and who deleted one"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_record_history"
down_revision = "0005_search_words"
branch_labels = None
depends_on = None

TABLES = ("companies", "contacts", "activities")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("deleted_by", sa.String(length=255), nullable=True))
    op.create_table(
        "record_history",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_sub", sa.String(length=255), nullable=False),
        sa.Column("actor_client_id", sa.String(length=255), nullable=False),
        sa.Column("actor_acting", sa.String(length=255), nullable=True),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("changes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "record_id", "version", name=op.f("pk_record_history")),
    )


def downgrade() -> None:
    op.drop_table("record_history")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN deleted_by")
