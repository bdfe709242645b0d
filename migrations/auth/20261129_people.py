"""People: an e-mail address of their own column, verified or not; whether they are invited or active.

Of two users with the same verified address the older one keeps it verified: from now on it is one to sign in by.
"""

import unicodedata

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261129_people"
down_revision = "20261129_retention"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def _users() -> sa.TableClause:
    return sa.table(
        "users",
        sa.column("id", sa.Uuid),
        sa.column("claims", _JSON),
        sa.column("email", sa.String),
        sa.column("email_key", sa.String),
        sa.column("email_verified_at", _MOMENT),
        sa.column("activated_at", _MOMENT),
        sa.column("created_at", _MOMENT),
        sa.column("updated_at", _MOMENT),
    )


def upgrade() -> None:
    op.add_column("users", sa.Column("email", sa.String(length=254)))
    op.add_column("users", sa.Column("email_key", sa.String(length=300)))
    for name in ("email_verified_at", "activated_at"):
        op.add_column("users", sa.Column(name, _MOMENT))
    _move_addresses()
    op.create_index(op.f("ix_users_email_key"), "users", ["email_key"], unique=False)
    op.create_index(
        "uq_users_verified_email",
        "users",
        ["email_key"],
        unique=True,
        sqlite_where=sa.text("email_verified_at IS NOT NULL"),
        postgresql_where=sa.text("email_verified_at IS NOT NULL"),
    )


def _move_addresses() -> None:
    users, db = _users(), op.get_bind()
    db.execute(sa.update(users).values(activated_at=users.c.created_at))
    taken = set()
    for row in db.execute(sa.select(users).order_by(users.c.id)).mappings().all():
        email = row["claims"].get("email")
        claims = {name: claim for name, claim in row["claims"].items() if name not in {"email", "email_verified"}}
        if claims == row["claims"]:
            continue
        values: dict[str, object] = {"claims": claims}
        if isinstance(email, str) and 0 < len(email) <= 254:
            key = unicodedata.normalize("NFKC", email).casefold().strip()[:300]
            verified = row["claims"].get("email_verified") is True and key not in taken
            taken |= {key} if verified else set()
            values |= {"email": email, "email_key": key, "email_verified_at": row["updated_at"] if verified else None}
        db.execute(sa.update(users).where(users.c.id == row["id"]).values(**values))


def downgrade() -> None:
    users, db = _users(), op.get_bind()
    for row in db.execute(sa.select(users).where(users.c.email.is_not(None))).mappings().all():
        claims = {**row["claims"], "email": row["email"], "email_verified": row["email_verified_at"] is not None}
        db.execute(sa.update(users).where(users.c.id == row["id"]).values(claims=claims))
    op.drop_index("uq_users_verified_email", table_name="users")
    op.drop_index(op.f("ix_users_email_key"), table_name="users")
    for name in ("activated_at", "email_verified_at", "email_key", "email"):
        op.drop_column("users", name)
