"""INSERT ... ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy builds by dialect."""

from typing import Any

from sqlalchemy import Table, literal
from sqlalchemy.dialects import postgresql, sqlite

from shared.database import Connection

Insert = sqlite.Insert | postgresql.Insert


def insert_into(connection: Connection, table: Table) -> Insert:
    """Return an INSERT of this connection's dialect, to which on_conflict_... can be added."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_if_absent(
    connection: Connection, table: Table, values: dict[str, Any], *, conflict: list[str] | None = None
) -> bool:
    """Insert a row unless one conflicts on these columns (None: on any constraint); say whether it was inserted.

    By RETURNING: psycopg counts no rows for such an INSERT.
    """
    statement = insert_into(connection, table).values(**values).on_conflict_do_nothing(index_elements=conflict)
    return connection.execute(statement.returning(literal(1))).first() is not None


def insert_or_replace(connection: Connection, table: Table, values: dict[str, Any], key: list[str]) -> Insert:
    """Return an INSERT that overwrites every given column of the row with this key."""
    changed = {name: value for name, value in values.items() if name not in key}
    statement = insert_into(connection, table).values(**values)
    return statement.on_conflict_do_update(index_elements=key, set_=changed)
