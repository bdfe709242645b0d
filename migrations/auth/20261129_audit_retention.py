"""Audit retention and pseudonyms: two conditions under which the trail may change; and who does the upkeep."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_retention"
down_revision = "20261129_refresh"
branch_labels = None
depends_on = None

_LONG_AGO = "1970-01-01 00:00:00.000000"

#: The conditions are those of the PostgreSQL triggers below.
_SQLITE = [
    "DROP TRIGGER audit_events_no_update",
    "DROP TRIGGER audit_events_no_delete",
    """CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
       WHEN OLD.at >= (SELECT kept_from FROM audit_retention)
       BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END""",
    """CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
       WHEN NOT (OLD.user_id IS NOT NULL AND NEW.user_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM users WHERE id IN (OLD.user_id, NEW.user_id))
         AND NEW.network IS NULL AND NEW.agent IS NULL
         AND NEW.details IS json_remove(OLD.details, '$.rotated_from')
         AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.event IS OLD.event AND NEW.client_id IS OLD.client_id
         AND NEW.session_id IS OLD.session_id AND NEW.family_id IS OLD.family_id)
       BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END""",
    """CREATE TRIGGER audit_retention_only_grows BEFORE UPDATE ON audit_retention
       WHEN NEW.kept_from < OLD.kept_from OR NEW.kept_from > COALESCE(
         (SELECT strftime('%Y-%m-%d %H:%M:%f000', max(at), '-30 days') FROM audit_events), OLD.kept_from)
       BEGIN SELECT RAISE(ABORT, 'audit_retention: too young'); END""",
    """CREATE TRIGGER audit_retention_no_delete BEFORE DELETE ON audit_retention
       BEGIN SELECT RAISE(ABORT, 'audit_retention stays'); END""",
]
#: The functions run as the owner of the tables: the service's own role may neither change nor delete a row.
_POSTGRESQL = [
    "DROP TRIGGER audit_events_append_only ON audit_events",
    """CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
    """CREATE FUNCTION guard_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF TG_OP = 'DELETE' THEN
           IF OLD.at < (SELECT kept_from FROM audit_retention) THEN RETURN OLD; END IF;
         ELSIF OLD.user_id IS NOT NULL AND NEW.user_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM users WHERE id IN (OLD.user_id, NEW.user_id))
           AND NEW.network IS NULL AND NEW.agent IS NULL
           AND NEW.details = OLD.details - 'rotated_from'
           AND (NEW.id, NEW.at, NEW.event, NEW.client_id, NEW.session_id, NEW.family_id) IS NOT DISTINCT FROM
               (OLD.id, OLD.at, OLD.event, OLD.client_id, OLD.session_id, OLD.family_id) THEN
           RETURN NEW;
         END IF;
         RAISE EXCEPTION 'audit_events is append-only';
       END $$""",
    """CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
       FOR EACH ROW EXECUTE FUNCTION guard_audit_events()""",
    """CREATE FUNCTION guard_audit_retention() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'audit_retention changes by forget_audit_events alone'; END $$""",
    """CREATE TRIGGER audit_retention_stays BEFORE DELETE OR TRUNCATE ON audit_retention
       FOR EACH STATEMENT EXECUTE FUNCTION guard_audit_retention()""",
    """CREATE FUNCTION guard_kept_from() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NEW.kept_from < OLD.kept_from OR NEW.kept_from > COALESCE(
           (SELECT max(at) - interval '30 days' FROM audit_events), OLD.kept_from) THEN
           RAISE EXCEPTION 'audit_retention: too young';
         END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER audit_retention_only_grows BEFORE UPDATE ON audit_retention
       FOR EACH ROW EXECUTE FUNCTION guard_kept_from()""",
    """CREATE FUNCTION forget_audit_events(before timestamptz, batch integer) RETURNS integer
       LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
       DECLARE deleted integer;
       BEGIN
         UPDATE audit_retention SET kept_from = before WHERE before > kept_from
           AND before <= (SELECT max(at) - interval '30 days' FROM audit_events);
         DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events
           WHERE at < LEAST(before, (SELECT kept_from FROM audit_retention)) ORDER BY at LIMIT batch);
         GET DIAGNOSTICS deleted = ROW_COUNT;
         RETURN deleted;
       END $$""",
    """CREATE FUNCTION pseudonymise_audit_events(of_user uuid, pseudonym uuid) RETURNS integer
       LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
       DECLARE changed integer;
       BEGIN
         UPDATE audit_events SET user_id = pseudonym, network = NULL, agent = NULL, details = details - 'rotated_from'
           WHERE user_id = of_user;
         GET DIAGNOSTICS changed = ROW_COUNT;
         RETURN changed;
       END $$""",
]
_SQLITE_BACK = [
    "DROP TRIGGER audit_events_no_update",
    "DROP TRIGGER audit_events_no_delete",
    *(
        f"""CREATE TRIGGER audit_events_no_{verb.lower()} BEFORE {verb} ON audit_events
       BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END"""
        for verb in ("UPDATE", "DELETE")
    ),
]
_POSTGRESQL_BACK = [
    "DROP FUNCTION pseudonymise_audit_events(uuid, uuid)",
    "DROP FUNCTION forget_audit_events(timestamptz, integer)",
    "DROP TRIGGER audit_events_append_only ON audit_events",
    "DROP TRIGGER audit_events_no_truncate ON audit_events",
    "DROP FUNCTION guard_audit_events()",
    """CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
]


def upgrade() -> None:
    retention = op.create_table(
        "audit_retention",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kept_from", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_retention_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_retention")),
    )
    op.execute(f"INSERT INTO {retention.name} (id, kept_from) VALUES (1, '{_LONG_AGO}')")  # noqa: S608 - constants
    op.create_table(
        "upkeep_tasks",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_upkeep_tasks")),
    )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL_BACK if postgresql else _SQLITE_BACK:
        op.execute(statement)
    op.drop_table("upkeep_tasks")
    op.drop_table("audit_retention")
    if postgresql:
        op.execute("DROP FUNCTION guard_audit_retention()")
        op.execute("DROP FUNCTION guard_kept_from()")
