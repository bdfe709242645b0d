"""What the gauges of the metrics show of the database."""

from datetime import datetime

from sqlalchemy import func, select

from services.auth.storage.tables import logout_notices, signing_keys, upkeep_tasks
from services.auth.upkeep.readings import Readings
from shared.database import Connection

_BEGAN = {"announced": "created_at", "active": "activated_at", "retired": "retired_at"}


def read(connection: Connection) -> Readings:
    """Return them, by index or from small tables."""
    keys: dict[str, datetime] = {}
    for state, column in _BEGAN.items():
        query = select(func.min(signing_keys.c[column])).where(signing_keys.c.state == state)
        if (since := connection.execute(query).scalar()) is not None:
            keys[state] = since
    waiting = select(func.count(), func.min(logout_notices.c.created_at)).where(logout_notices.c.outcome.is_(None))
    count, oldest = connection.execute(waiting).one()
    done = select(upkeep_tasks.c.name, upkeep_tasks.c.done_at).where(upkeep_tasks.c.done_at.is_not(None))
    return Readings(keys, count, oldest, {row.name: row.done_at for row in connection.execute(done)})
