"""INSERT ... ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy builds by dialect."""

import functools
from typing import Any

from sqlalchemy import Table, literal
from sqlalchemy.dialects import postgresql, sqlite

from shared.database import Connection

Insert = sqlite.Insert | postgresql.Insert


def insert_into(connection: Connection, table: Table) -> Insert:
    """Return an INSERT of this connection's dialect, to which on_conflict_... can be added."""
    return insert_to(connection.dialect.name, table)


def insert_to(dialect: str, table: Table) -> Insert:
    """Return an INSERT of this dialect, for a statement that is built once."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_if_absent(
    connection: Connection, table: Table, values: dict[str, Any], *, conflict: list[str] | None = None
) -> bool:
    """Insert a row unless one conflicts on these columns (None: on any constraint); say whether it was inserted.

    By RETURNING: psycopg counts no rows for such an INSERT.
    """
    statement = _if_absent(connection.dialect.name, table, None if conflict is None else tuple(conflict))
    return connection.execute(statement, values).first() is not None


@functools.cache
def _if_absent(dialect: str, table: Table, conflict: tuple[str, ...] | None) -> Any:
    """Return the statement, which takes its columns from the parameters: one for each place that says it."""
    statement = insert_to(dialect, table).on_conflict_do_nothing(index_elements=conflict)
    return statement.returning(literal(1))


def insert_or_replace(connection: Connection, table: Table, values: dict[str, Any], key: list[str]) -> Insert:
    """Return an INSERT that overwrites every given column of the row with this key."""
    changed = {name: value for name, value in values.items() if name not in key}
    statement = insert_into(connection, table).values(**values)
    return statement.on_conflict_do_update(index_elements=key, set_=changed)
