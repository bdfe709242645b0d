"""the indexes of filters hold the whole order of a list, so that none is sorted"""

import sqlalchemy as sa
from alembic import op

revision = "0004_filter_indexes"
down_revision = "0003_idempotency_keys"
branch_labels = None
depends_on = None

LIVE = sa.text("deleted_at IS NULL")
FILTERS = (
    ("contacts", "email_key"),
    ("contacts", "company_id"),
    ("activities", "contact_id"),
    ("activities", "company_id"),
)


def upgrade() -> None:
    for table, column in FILTERS:
        replace(table, [column, "owner_sub", "created_at"], [column, "owner_sub", "created_at", "id"])


def downgrade() -> None:
    for table, column in FILTERS:
        replace(table, [column, "owner_sub", "created_at", "id"], [column, "owner_sub", "created_at"])


def replace(table: str, old: list[str], new: list[str]) -> None:
    op.drop_index(op.f(f"ix_{table}_{'_'.join(old)}"), table)
    op.create_index(op.f(f"ix_{table}_{'_'.join(new)}"), table, new, postgresql_where=LIVE, sqlite_where=LIVE)
