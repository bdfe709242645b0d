"""The outbox of logout notices in the database."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from services.auth.logout.back_channel.outbox import LogoutNotice
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import clients, families, logout_notices
from shared.database import Connection

_row = logout_notices.c
_NOTICE = (_row.id, _row.client_id, _row.user_id, _row.session_id, _row.created_at, _row.attempts)


@dataclass(frozen=True)
class SqlLogoutNotices:
    """Implements `logout.outbox.LogoutNotices`."""

    connection: Connection

    def clients_of(self, session_id: UUID) -> list[str]:
        query = (
            select(clients.c.client_id)
            .where(
                clients.c.client_id.in_(select(families.c.client_id).where(families.c.session_id == session_id)),
                clients.c.disabled_at.is_(None),
                clients.c.metadata["backchannel_logout_uri"].as_string().is_not(None),
            )
            .order_by(clients.c.client_id)
        )
        return list(self.connection.execute(query).scalars())

    def add(self, notice: LogoutNotice) -> None:
        values = {
            "id": notice.id,
            "client_id": notice.client_id,
            "user_id": notice.user_id,
            "session_id": notice.session_id,
            "attempts": notice.attempts,
            "created_at": notice.created_at,
            "next_attempt_at": notice.created_at,
        }
        insert_if_absent(self.connection, logout_notices, values, conflict=["session_id", "client_id"])

    def claim(
        self, now: datetime, *, lease: timedelta, limit: int, per_client: int, without: Collection[str] = ()
    ) -> list[LogoutNotice]:
        is_due = (_row.outcome.is_(None), _row.next_attempt_at <= now)
        turn = func.row_number().over(partition_by=_row.client_id, order_by=(_row.next_attempt_at, _row.id))
        ranked = select(_row.id, turn.label("turn")).where(*is_due, _row.client_id.not_in(without)).subquery()
        due = (
            select(_row.id)
            .join(ranked, ranked.c.id == _row.id)
            .where(*is_due, ranked.c.turn <= per_client)
            .order_by(ranked.c.turn, _row.next_attempt_at)
            .limit(limit)
            .with_for_update(
                of=logout_notices, skip_locked=True
            )  # what another process is claiming; SQLite has one writer
            .cte("due")
        )
        statement = (
            update(logout_notices)
            .where(_row.id.in_(select(due.c.id)), *is_due)
            .values(next_attempt_at=now + lease, attempts=_row.attempts + 1)
            .returning(*_NOTICE)
        )
        found = [LogoutNotice(**row) for row in self.connection.execute(statement).mappings()]
        return sorted(found, key=lambda notice: notice.created_at)

    def overdue(self, client_id: str, *, before: datetime, limit: int) -> list[LogoutNotice]:
        waiting = (_row.client_id == client_id, _row.outcome.is_(None), _row.created_at <= before)
        query = select(*_NOTICE).where(*waiting).order_by(_row.created_at).limit(limit)
        return [LogoutNotice(**row) for row in self.connection.execute(query).mappings()]

    def put_off(self, notice: LogoutNotice, until: datetime) -> None:
        statement = (
            update(logout_notices)
            .where(_row.id == notice.id, _row.outcome.is_(None), _row.attempts == notice.attempts)
            .values(next_attempt_at=until)
        )
        self.connection.execute(statement)

    def finish(self, notice: LogoutNotice, outcome: str, now: datetime) -> bool:
        statement = (
            update(logout_notices)
            .where(_row.id == notice.id, _row.outcome.is_(None))
            .values(outcome=outcome, finished_at=now)
        )
        return self.connection.execute(statement).rowcount == 1
