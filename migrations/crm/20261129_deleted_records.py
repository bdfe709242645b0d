"""the indexes of deleted records: of a team and of everybody too, and in the order in which they were deleted"""

import sqlalchemy as sa
from alembic import op

revision = "0008_deleted_records"
down_revision = "0007_people"
branch_labels = None
depends_on = None

DELETED = sa.text("deleted_at IS NOT NULL")
TABLES = ("companies", "contacts", "activities")
COLUMNS = [[*owner, sort] for owner in (["owner_sub"], ["owner_team"], []) for sort in ("created_at", "updated_at")]


def upgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_deleted", table)
        for columns in COLUMNS:
            index(f"ix_{table}_deleted_{'_'.join(columns)}", table, columns)


def downgrade() -> None:
    for table in TABLES:
        for columns in COLUMNS:
            op.drop_index(f"ix_{table}_deleted_{'_'.join(columns)}", table)
        index(f"ix_{table}_deleted", table, ["owner_sub", "created_at"])


def index(name: str, table: str, columns: list[str]) -> None:
    op.create_index(name, table, [*columns, "id"], postgresql_where=DELETED, sqlite_where=DELETED)
