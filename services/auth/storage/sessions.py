"""Browser sessions in the database."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, insert, select, update

from services.auth.sessions import BrowserSession
from services.auth.storage.tables import browser_sessions
from shared.database import Connection


@dataclass(frozen=True)
class SqlSessions:
    """Implements `sessions.Sessions`."""

    connection: Connection

    def find_by_cookie(self, cookie_hash: bytes) -> BrowserSession | None:
        return self._read(browser_sessions.c.cookie_hash == cookie_hash, lock=False)

    def find(self, session_id: UUID) -> BrowserSession | None:
        return self._read(browser_sessions.c.id == session_id, lock=False)

    def lock(self, session_id: UUID) -> BrowserSession | None:
        return self._read(browser_sessions.c.id == session_id, lock=True)

    def _read(self, condition: ColumnElement[bool], *, lock: bool) -> BrowserSession | None:
        query = select(browser_sessions).where(condition)
        if lock:
            query = query.with_for_update(read=True)
        row = self.connection.execute(query).mappings().one_or_none()
        return None if row is None else BrowserSession(**row)

    def add(self, session: BrowserSession) -> None:
        self.connection.execute(insert(browser_sessions).values(**asdict(session)))

    def renew(self, session: BrowserSession) -> bool:
        statement = (
            update(browser_sessions)
            .where(browser_sessions.c.id == session.id, browser_sessions.c.ended_at.is_(None))
            .values(**asdict(session))
        )
        return self.connection.execute(statement).rowcount == 1

    def touch(self, session_id: UUID, *, idle_expires_at: datetime) -> None:
        statement = (
            update(browser_sessions).where(browser_sessions.c.id == session_id).values(idle_expires_at=idle_expires_at)
        )
        self.connection.execute(statement)

    def end(self, session_id: UUID, now: datetime) -> bool:
        statement = (
            update(browser_sessions)
            .where(browser_sessions.c.id == session_id, browser_sessions.c.ended_at.is_(None))
            .values(ended_at=now)
        )
        return self.connection.execute(statement).rowcount == 1

    def end_of_user(self, user_id: UUID, now: datetime) -> list[UUID]:
        live = and_(browser_sessions.c.user_id == user_id, browser_sessions.c.ended_at.is_(None))
        locked = select(browser_sessions.c.id).where(live).order_by(browser_sessions.c.id).with_for_update()
        ended = list(self.connection.execute(locked).scalars())
        self.connection.execute(update(browser_sessions).where(live).values(ended_at=now))
        return ended
