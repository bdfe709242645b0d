"""Browser sessions in the database."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, insert, select, update

from services.auth.accounts.browser_session import BrowserSession
from services.auth.accounts.user import User
from services.auth.storage.tables import browser_sessions, users
from services.auth.storage.users import USER, user_of
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_row = browser_sessions.c

_NAMES = tuple(field.name for field in fields(BrowserSession))
#: The columns carry a prefix, so that the user's can stand beside them.
_SESSION = tuple(_row[name].label(f"session_{name}") for name in _NAMES)
_BY_COOKIE = CompiledStatement(lambda _: select(*_SESSION).where(_row.cookie_hash == bindparam("wanted")))
_BY_ID = CompiledStatement(lambda _: select(*_SESSION).where(_row.id == bindparam("wanted")))
_WITH_USER = CompiledStatement(
    lambda _: (
        select(*_SESSION, *USER).join(users, users.c.id == _row.user_id).where(_row.cookie_hash == bindparam("wanted"))
    )
)
_TOUCH = CompiledStatement(
    lambda _: (
        update(browser_sessions)
        .where(_row.id == bindparam("wanted"))
        .values(idle_expires_at=bindparam("until", type_=_row.idle_expires_at.type))
    )
)


@dataclass(frozen=True)
class SqlSessions:
    """Implements `sessions.Sessions`."""

    connection: Connection

    def find_by_cookie(self, cookie_hash: bytes) -> BrowserSession | None:
        return self._read(_BY_COOKIE, cookie_hash)

    def find_with_user(self, cookie_hash: bytes) -> tuple[BrowserSession, User] | None:
        row = _WITH_USER.first(self.connection, {"wanted": cookie_hash})
        return None if row is None else (BrowserSession(*row[: len(_NAMES)]), user_of(*row[len(_NAMES) :]))

    def find(self, session_id: UUID) -> BrowserSession | None:
        return self._read(_BY_ID, session_id)

    def _read(self, query: CompiledStatement, wanted: object) -> BrowserSession | None:
        row = query.first(self.connection, {"wanted": wanted})
        return None if row is None else BrowserSession(*row)

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
        _TOUCH.count(self.connection, {"wanted": session_id, "until": idle_expires_at})

    def end(self, session_id: UUID, now: datetime) -> bool:
        statement = (
            update(browser_sessions)
            .where(browser_sessions.c.id == session_id, browser_sessions.c.ended_at.is_(None))
            .values(ended_at=now)
        )
        return self.connection.execute(statement).rowcount == 1

    def surplus(self, user_id: UUID, *, most: int, now: datetime) -> list[BrowserSession]:
        live = (_row.ended_at.is_(None), _row.idle_expires_at > now, _row.expires_at > now)
        query = select(*_SESSION).where(_row.user_id == user_id, *live).order_by(_row.auth_time.desc(), _row.id.desc())
        found = [BrowserSession(*row) for row in self.connection.execute(query.offset(most))]
        return sorted(found, key=lambda session: session.id)

    def end_of_user(self, user_id: UUID, now: datetime, *, keep: UUID | None = None) -> list[UUID]:
        live = and_(browser_sessions.c.user_id == user_id, browser_sessions.c.ended_at.is_(None))
        if keep is not None:
            live = and_(live, browser_sessions.c.id != keep)
        locked = select(browser_sessions.c.id).where(live).order_by(browser_sessions.c.id).with_for_update()
        ended = list(self.connection.execute(locked).scalars())
        self.connection.execute(update(browser_sessions).where(live).values(ended_at=now))
        return ended
