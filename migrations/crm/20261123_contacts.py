"""contacts, each with its owner and team"""

import sqlalchemy as sa
from alembic import op

revision = "0001_contacts"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_sub", sa.String(length=255), nullable=False),
        sa.Column("owner_team", sa.String(length=255), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=50), nullable=True),
        sa.Column("company_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    for columns in (["owner_sub", "created_at", "id"], ["owner_team", "created_at", "id"], ["created_at", "id"]):
        op.create_index(op.f(f"ix_contacts_{'_'.join(columns)}"), "contacts", columns)


def downgrade() -> None:
    op.drop_table("contacts")
