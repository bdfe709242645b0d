"""Audit events know the request that they belong to, and a pseudonym in place of a user leaves it alone."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_audit_request"
down_revision = "20261129_device_grant"
branch_labels = None
depends_on = None


def _sqlite(more: str) -> list[str]:
    return [
        "DROP TRIGGER audit_events_no_update",
        """CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
           WHEN NOT (OLD.user_id IS NOT NULL AND NEW.user_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM users WHERE id IN (OLD.user_id, NEW.user_id))
             AND NEW.network IS NULL AND NEW.agent IS NULL
             AND NEW.details IS json_remove(OLD.details, '$.rotated_from')
             AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.event IS OLD.event AND NEW.client_id IS OLD.client_id
             AND NEW.session_id IS OLD.session_id AND NEW.family_id IS OLD.family_id AND MORE)
           BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END""".replace(" AND MORE", more),
    ]


def _postgresql(new: str, old: str) -> list[str]:
    return [
        """CREATE OR REPLACE FUNCTION guard_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             IF TG_OP = 'DELETE' THEN
               IF OLD.at < (SELECT kept_from FROM audit_retention) THEN RETURN OLD; END IF;
             ELSIF OLD.user_id IS NOT NULL AND NEW.user_id IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM users WHERE id IN (OLD.user_id, NEW.user_id))
               AND NEW.network IS NULL AND NEW.agent IS NULL
               AND NEW.details = OLD.details - 'rotated_from'
               AND (NEW.id, NEW.at, NEW.event, NEW.client_id, NEW.session_id, NEW.family_id, NEW_TOO)
                   IS NOT DISTINCT FROM
                   (OLD.id, OLD.at, OLD.event, OLD.client_id, OLD.session_id, OLD.family_id, OLD_TOO)
               THEN
               RETURN NEW;
             END IF;
             RAISE EXCEPTION 'audit_events is append-only';
           END $$""".replace(", NEW_TOO", new).replace(", OLD_TOO", old)
    ]


def upgrade() -> None:
    op.add_column("audit_events", sa.Column("request_id", sa.String(length=64), nullable=True))
    _execute(_sqlite(" AND NEW.request_id IS OLD.request_id"), _postgresql(", NEW.request_id", ", OLD.request_id"))


def downgrade() -> None:
    _execute(_sqlite(""), _postgresql("", ""))
    op.drop_column("audit_events", "request_id")


def _execute(sqlite: list[str], postgresql: list[str]) -> None:
    for statement in postgresql if op.get_bind().dialect.name == "postgresql" else sqlite:
        op.execute(statement)
