"""The leases of what is done by the clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, update

from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import upkeep_tasks
from services.auth.upkeep.lease import LEASE
from shared.database import Connection, Database

_row = upkeep_tasks.c


@dataclass(frozen=True)
class SqlLeaseDatabase:
    """Implements `upkeep.lease.LeaseDatabase`."""

    database: Database

    @contextmanager
    def leases(self) -> Iterator["SqlLeases"]:
        with self.database.autocommit() as connection:
            yield SqlLeases(connection)


@dataclass(frozen=True)
class SqlLeases:
    """Implements `upkeep.lease.Leases`."""

    connection: Connection

    def take(self, task: str, holder: UUID, *, every: timedelta, now: datetime) -> bool:
        due = or_(_row.due_at <= now, _row.due_at > now + every)
        free = or_(_row.leased_until.is_(None), _row.leased_until <= now, _row.leased_until > now + LEASE)
        values = {"holder": holder, "leased_until": now + LEASE}
        statement = update(upkeep_tasks).where(_row.name == task, due, free).values(**values)
        if self.connection.execute(statement).rowcount == 1:
            return True
        return insert_if_absent(
            self.connection, upkeep_tasks, {"name": task, "due_at": now, **values}, conflict=["name"]
        )

    def give_back(self, task: str, holder: UUID, *, due_at: datetime, done_at: datetime | None) -> None:
        values = {"due_at": due_at, "holder": None, "leased_until": None}
        if done_at is not None:
            values["done_at"] = done_at
        self.connection.execute(update(upkeep_tasks).where(_row.name == task, _row.holder == holder).values(**values))
