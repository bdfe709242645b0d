"""Client authentication: assertions that were used, and which secret the configuration file gave."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_client_auth"
down_revision = "20261126_status_list"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assertion_jtis",
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("jti_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti_hash", name=op.f("pk_assertion_jtis")),
    )
    op.create_index(op.f("ix_assertion_jtis_expires_at"), "assertion_jtis", ["expires_at"])
    op.add_column("clients", sa.Column("configured_secret_hash", sa.LargeBinary(length=32), nullable=True))
    # until now every secret came from a file, and a client had one
    op.execute(
        "UPDATE clients SET configured_secret_hash ="
        " (SELECT secret_hash FROM client_secrets WHERE client_secrets.client_id = clients.client_id LIMIT 1)"
    )


def downgrade() -> None:
    op.drop_column("clients", "configured_secret_hash")
    op.drop_index(op.f("ix_assertion_jtis_expires_at"), table_name="assertion_jtis")
    op.drop_table("assertion_jtis")
