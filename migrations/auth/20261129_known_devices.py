"""Known devices have an end each, failure budgets an account. Those of before are forgotten: some devices were never
issued (ADR-0074).
"""

import sqlalchemy as sa
from alembic import op

revision = "20261129_devices"
down_revision = "20261129_dpop"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("known_devices")
    op.drop_table("failure_budgets")
    _create_devices(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False))
    _create_budgets(sa.Column("account_hash", sa.LargeBinary(length=32), nullable=False))
    op.create_index(op.f("ix_failure_budgets_account_hash"), "failure_budgets", ["account_hash"], unique=False)


def downgrade() -> None:
    op.drop_table("known_devices")
    op.drop_table("failure_budgets")
    _create_devices()
    _create_budgets()


def _create_devices(*added: sa.Column[object]) -> None:
    op.create_table(
        "known_devices",
        sa.Column("device_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *added,
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_known_devices_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_hash", "user_id", name=op.f("pk_known_devices")),
    )
    op.create_index(op.f("ix_known_devices_user_id"), "known_devices", ["user_id"], unique=False)


def _create_budgets(*added: sa.Column[object]) -> None:
    op.create_table(
        "failure_budgets",
        sa.Column("budget_key", sa.LargeBinary(length=32), nullable=False),
        *added,
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("budget_key", name=op.f("pk_failure_budgets")),
    )
