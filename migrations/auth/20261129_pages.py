"""Pages: what a step answered, for a repeat; what a page says after a refusal; how a request or a sign-out came out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261129_pages"
down_revision = "20261129_waiting"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "step_answers",
        sa.Column("step_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("step_key", name=op.f("pk_step_answers")),
    )
    op.create_index(op.f("ix_step_answers_expires_at"), "step_answers", ["expires_at"], unique=False)
    notice = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("waiting_requests", sa.Column("notice", notice, nullable=True))
    op.add_column("waiting_requests", sa.Column("outcome", sa.String(length=40), nullable=True))
    op.add_column("waiting_logouts", sa.Column("outcome", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("waiting_logouts", "outcome")
    op.drop_column("waiting_requests", "outcome")
    op.drop_column("waiting_requests", "notice")
    op.drop_index(op.f("ix_step_answers_expires_at"), table_name="step_answers")
    op.drop_table("step_answers")
