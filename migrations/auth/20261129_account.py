"""Account pages: where a browser session is, and the address that a link proves."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_account"
down_revision = "20261129_recovery"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("browser_sessions", sa.Column("network", sa.String(length=100), nullable=True))
    op.add_column("browser_sessions", sa.Column("agent", sa.String(length=300), nullable=True))
    op.add_column("one_time_links", sa.Column("email", sa.String(length=254), nullable=True))


def downgrade() -> None:
    op.drop_column("one_time_links", "email")
    op.drop_column("browser_sessions", "agent")
    op.drop_column("browser_sessions", "network")
