"""Refresh: rotations in a row that nobody else retried. Revocation: access tokens that ended by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_refresh"
down_revision = "20261126_consent"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("families", sa.Column("steady", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "revoked_access_tokens",
        sa.Column("jti_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("jti_hash", name=op.f("pk_revoked_access_tokens")),
    )
    op.create_index(op.f("ix_revoked_access_tokens_expires_at"), "revoked_access_tokens", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_revoked_access_tokens_expires_at"), table_name="revoked_access_tokens")
    op.drop_table("revoked_access_tokens")
    op.drop_column("families", "steady")
