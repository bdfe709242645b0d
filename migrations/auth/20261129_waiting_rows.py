"""Requests that wait, to sign in and to sign out, say which network they came from: so many a browser and network."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_waiting"
down_revision = "20261129_mails"
branch_labels = None
depends_on = None

_TABLES = ("waiting_requests", "waiting_logouts")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("network", sa.String(length=100), nullable=True))
        op.create_index(op.f(f"ix_{table}_browser_hash"), table, ["browser_hash"], unique=False)
        op.create_index(f"ix_{table}_network", table, ["network", "created_at"], unique=False)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_network", table_name=table)
        op.drop_index(op.f(f"ix_{table}_browser_hash"), table_name=table)
        op.drop_column(table, "network")
