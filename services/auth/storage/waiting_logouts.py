"""Logout requests that wait, in the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from services.auth.logout.rp_initiated import LogoutRequest, WaitingLogout
from services.auth.storage.sweep import sweep
from services.auth.storage.tables import waiting_logouts
from shared.database import Connection

_row = waiting_logouts.c


@dataclass(frozen=True)
class SqlWaitingLogouts:
    """Implements `logout.request.WaitingLogouts`."""

    connection: Connection

    def add(self, waiting: WaitingLogout) -> None:
        sweep(self.connection, waiting_logouts, added=waiting.handle_hash, before=waiting.created_at)
        self.connection.execute(
            insert(waiting_logouts).values(
                handle_hash=waiting.handle_hash,
                browser_hash=waiting.browser_hash,
                request=waiting.request.record(),
                created_at=waiting.created_at,
                expires_at=waiting.expires_at,
            )
        )

    def bind(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> None:
        statement = (
            update(waiting_logouts)
            .where(_row.handle_hash == handle_hash, _row.browser_hash.is_(None), _row.expires_at > now)
            .values(browser_hash=browser_hash)
        )
        self.connection.execute(statement)

    def find(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> WaitingLogout | None:
        query = select(waiting_logouts).where(
            _row.handle_hash == handle_hash,
            _row.browser_hash == browser_hash,
            _row.expires_at > now,
            _row.completed_at.is_(None),
        )
        row = self.connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        members = {name: value for name, value in row.items() if name not in {"request", "completed_at"}}
        return WaitingLogout(request=LogoutRequest.from_record(row["request"]), **members)

    def complete(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> bool:
        statement = (
            update(waiting_logouts)
            .where(
                _row.handle_hash == handle_hash,
                _row.browser_hash == browser_hash,
                _row.expires_at > now,
                _row.completed_at.is_(None),
            )
            .values(completed_at=now)
        )
        return self.connection.execute(statement).rowcount == 1
