"""What a database is: local or production, for good (ADR-0081)"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "20261129_installation"
down_revision = "20261129_people"
branch_labels = None
depends_on = None

#: The user alice of config/local.yaml, whose password is published.
ALICE = "0190a1b0-0000-7000-8000-000000000a11"

#: What holds a row in every database that has been used.
USED = ("users", "clients", "signing_keys")


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
    users = sa.table("users", sa.column("id", sa.Uuid()))
    if db.execute(sa.select(users.c.id).where(users.c.id == UUID(ALICE))).first() is not None:
        return "local"
    used = any(db.execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() for table in USED)  # noqa: S608 - ours
    if not used:
        return None
    return "local" if db.dialect.name == "sqlite" else "production"


def downgrade() -> None:
    op.drop_table("installation")
