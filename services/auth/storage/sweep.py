"""Sweeping what has expired along with what is added, where strangers add rows.

One insert in 256, as its random or hashed key falls, deletes a batch of more than 256: so the table stays as small as
what is still good, whether or not a timer runs `purge`.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from shared.database import Connection

_BATCH = 1000


def sweep(
    connection: Connection,
    table: Table,
    *,
    added: bytes,
    before: datetime,
    over: ColumnElement[bool] | None = None,
) -> None:
    """Delete rows whose `expires_at` lies before this moment, if it is the turn of the key `added`.

    `over`: which rows are of no more use, where `expires_at` alone does not say it.
    """
    if added[0] != 0:
        return
    key = tuple_(*table.primary_key.columns)
    expired = select(*table.primary_key.columns).where(table.c.expires_at < before if over is None else over)
    # what another one sweeps is left to it
    found = [tuple(row) for row in connection.execute(expired.limit(_BATCH).with_for_update(skip_locked=True))]
    connection.execute(delete(table).where(key.in_(found)))
