"""Consent, requested claims and pushed requests."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261126_consent"
down_revision = "20261126_logout"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_consents_client_id_clients"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_consents_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "client_id", "scope", name=op.f("pk_consents")),
    )
    op.add_column("authorization_codes", sa.Column("claims", JSON, nullable=True))
    op.add_column("families", sa.Column("claims", JSON, nullable=True))
    op.add_column("waiting_requests", sa.Column("consented_session_id", sa.Uuid(), nullable=True))
    op.add_column("waiting_requests", sa.Column("pushed", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("waiting_requests", "pushed")
    op.drop_column("waiting_requests", "consented_session_id")
    op.drop_column("families", "claims")
    op.drop_column("authorization_codes", "claims")
    op.drop_table("consents")
