"""DPoP: the key that a code is bound to, and the proofs that were used."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_dpop"
down_revision = "20261129_links"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("authorization_codes", sa.Column("dpop_thumbprint", sa.String(length=43), nullable=True))
    op.create_table(
        "dpop_proofs",
        sa.Column("proof_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("proof_id", name=op.f("pk_dpop_proofs")),
    )
    op.create_index(op.f("ix_dpop_proofs_expires_at"), "dpop_proofs", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_dpop_proofs_expires_at"), table_name="dpop_proofs")
    op.drop_table("dpop_proofs")
    op.drop_column("authorization_codes", "dpop_thumbprint")
