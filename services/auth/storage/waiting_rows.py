"""Rows that wait for a browser, of requests to sign in and to sign out alike: bound once, found by their browser, used
up once.

Policy: ADR-0007, ADR-0075
"""

from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, Table, and_, delete, or_, select, update

from services.auth.waiting import RESTART_WINDOW
from shared.database import Connection

#: Rows that one browser, and that one network may have; a further one takes the place of the oldest.
MOST_OF_BROWSER, MOST_OF_NETWORK = 50, 3000


def make_room(connection: Connection, table: Table, *, browser_hash: bytes | None, network: str | None) -> None:
    """Delete what is too much, the oldest first, so that one more row of this browser and network fits.

    Nobody is refused: many people may be behind one network. A flood pushes out what came before it, within minutes.
    """
    if network:  # none: nobody can say which
        _keep(connection, table, table.c.network == network, MOST_OF_NETWORK - 1)
    if browser_hash is not None:
        _keep(connection, table, table.c.browser_hash == browser_hash, MOST_OF_BROWSER - 1)


def _keep(connection: Connection, table: Table, whose: ColumnElement[bool], most: int) -> None:
    key = table.c.handle_hash
    surplus = select(key).where(whose).order_by(table.c.created_at.desc()).offset(most)
    free = select(key).where(key.in_(surplus)).with_for_update(skip_locked=True)  # what is at work is left alone
    connection.execute(delete(table).where(key.in_(free)))


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


def find_any(connection: Connection, table: Table, handle_hash: bytes) -> RowMapping | None:
    """Return the row in whatever state it is, and whoever asks."""
    return connection.execute(select(table).where(table.c.handle_hash == handle_hash)).mappings().one_or_none()


def complete(
    connection: Connection, table: Table, handle_hash: bytes, browser_hash: bytes, now: datetime, outcome: str
) -> bool:
    """Use the row up, in one conditional statement; False when `find` would not return it."""
    values = {"completed_at": now, "outcome": outcome}
    statement = update(table).where(_waits(table, handle_hash, browser_hash, now)).values(values)
    return connection.execute(statement).rowcount == 1


def is_over(table: Table, now: datetime) -> ColumnElement[bool]:
    """Select the rows that are of no more use: nobody may begin anew what no browser has come for."""
    unbound = and_(table.c.browser_hash.is_(None), table.c.expires_at < now)
    return or_(table.c.expires_at < now - RESTART_WINDOW, unbound)


def _waits(table: Table, handle_hash: bytes, browser_hash: bytes, now: datetime) -> ColumnElement[bool]:
    return and_(
        table.c.handle_hash == handle_hash,
        table.c.browser_hash == browser_hash,
        table.c.expires_at > now,
        table.c.completed_at.is_(None),
    )
