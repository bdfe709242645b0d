"""What a database is: local or production, for good (ADR-0081)"""

import sqlalchemy as sa
from alembic import op

revision = "0009_installation"
down_revision = "0008_deleted_records"
branch_labels = None
depends_on = None

#: The user alice of config/local.yaml: the first seeds are hers.
ALICE = "0190a1b0-0000-7000-8000-000000000a11"

#: What holds a row in every database that has been used.
USED = ("companies", "contacts", "activities")


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("environment", sa.String(length=20), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    if (environment := _environment(op.get_bind())) is not None:
        op.get_bind().execute(
            sa.text("INSERT INTO installation (id, environment, since) VALUES (1, :environment, CURRENT_TIMESTAMP)"),
            {"environment": environment},
        )


def _environment(db: sa.Connection) -> str | None:
    """Return what the database has been until now: local if it holds a seed of alice's, or is SQLite; None: unused."""
    for table in USED:
        records = sa.table(table, sa.column("owner_sub", sa.String()))
        if db.execute(sa.select(records.c.owner_sub).where(records.c.owner_sub == ALICE).limit(1)).first() is not None:
            return "local"
    used = any(db.execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() for table in USED)  # noqa: S608 - ours
    if not used:
        return None
    return "local" if db.dialect.name == "sqlite" else "production"


def downgrade() -> None:
    op.drop_table("installation")
