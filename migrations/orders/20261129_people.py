"""the team that each person is in"""

import sqlalchemy as sa
from alembic import op

revision = "0005_people"
down_revision = "0004_line_differences"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("team", sa.String(length=255), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sub", name=op.f("pk_people")),
    )
    # whose records are all of one team is in it, until a token says otherwise
    op.execute(
        "INSERT INTO people (sub, team, as_of) SELECT owner_sub, max(owner_team), '1970-01-01 00:00:00' FROM orders"
        " GROUP BY owner_sub HAVING count(owner_team) = count(*) AND count(DISTINCT owner_team) = 1"
    )


def downgrade() -> None:
    op.drop_table("people")
