"""Rows that wait for a browser, of requests to sign in and to sign out alike: bound once, found by their browser, used
up once.

Policy: ADR-0007
"""

from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, Table, and_, select, update

from shared.database import Connection


def bind(connection: Connection, table: Table, handle_hash: bytes, browser_hash: bytes, now: datetime) -> None:
    """Give an unbound row to this browser, in one conditional statement; a bound one stays as it is."""
    unbound = and_(table.c.handle_hash == handle_hash, table.c.browser_hash.is_(None), table.c.expires_at > now)
    if "pushed" in table.c:  # a pushed request is claimed by its client's name, too
        unbound = and_(unbound, table.c.pushed.is_(False))
    connection.execute(update(table).where(unbound).values(browser_hash=browser_hash))


def find(
    connection: Connection, table: Table, handle_hash: bytes, browser_hash: bytes, now: datetime
) -> RowMapping | None:
    """Return the row if it is this browser's, unexpired and not completed."""
    query = select(table).where(_waits(table, handle_hash, browser_hash, now))
    return connection.execute(query).mappings().one_or_none()


def complete(connection: Connection, table: Table, handle_hash: bytes, browser_hash: bytes, now: datetime) -> bool:
    """Use the row up, in one conditional statement; False when `find` would not return it."""
    statement = update(table).where(_waits(table, handle_hash, browser_hash, now)).values(completed_at=now)
    return connection.execute(statement).rowcount == 1


def _waits(table: Table, handle_hash: bytes, browser_hash: bytes, now: datetime) -> ColumnElement[bool]:
    return and_(
        table.c.handle_hash == handle_hash,
        table.c.browser_hash == browser_hash,
        table.c.expires_at > now,
        table.c.completed_at.is_(None),
    )
