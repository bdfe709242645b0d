"""Keys that were used and the answers that they got, in SQL, in the transaction of the work itself.

Two with one key: the second INSERT waits for the first one's transaction (PostgreSQL: the unique index; SQLite: BEGIN
IMMEDIATE) and then finds its answer, or the key free if that one failed. No lock of the process is involved.

Policy: ADR-0013
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.api.idempotency.fingerprint import Sent
from shared.database import Connection, Database, Json, UtcDateTime

LIFETIME = timedelta(hours=24)
#: Expired rows that each new key takes with it: more than it adds, so that they never pile up.
PURGED_AT_ONCE = 10
_PURGED_BY_UPKEEP = 500


def idempotency_table(metadata: MetaData) -> Table:
    """Return the table, to be declared beside a service's own."""
    return Table(
        "idempotency_keys",
        metadata,
        Column("id", LargeBinary(32), primary_key=True),
        Column("fingerprint", LargeBinary(32), nullable=False),
        # 0 while the work is being done, which no other transaction ever sees
        Column("status", Integer, nullable=False),
        Column("headers", Json, nullable=False),
        Column("body", Text, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False),
        Index(None, "expires_at"),
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer that a key got, and what had been asked."""

    fingerprint: bytes
    status: int
    headers: Mapping[str, str]
    body: str


class SqlIdempotencyKeys:
    """The keys of one service."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self._table = table

    def unit_of_work(self) -> AbstractContextManager[Connection]:
        """Return the transaction that work, claim and answer share."""
        return self._database.unit_of_work()

    def find(self, sent: Sent, now: datetime) -> Stored | None:
        """Return what the key was answered, None if it is free or expired."""
        table = self._table
        with self._database.autocommit() as db:
            row = db.execute(select(table).where(table.c.id == sent.id, table.c.expires_at > now)).one_or_none()
        return None if row is None else Stored(row.fingerprint, row.status, row.headers, row.body)

    def claim(self, sent: Sent, now: datetime) -> bool:
        """Take the key for this unit of work; False: it is taken, and `find` says by what.

        Waits for another transaction that holds the key. A claim that is rolled back was none.
        """
        table = self._table
        fresh = {
            "fingerprint": sent.fingerprint,
            "status": 0,
            "headers": {},
            "body": "",
            "expires_at": now + LIFETIME,
        }
        with self._database.unit_of_work() as db:
            insert = postgresql.insert(table) if db.dialect.name == "postgresql" else sqlite.insert(table)
            claimed = (
                insert.values(id=sent.id, **fresh)
                .on_conflict_do_update(index_elements=["id"], set_=fresh, where=table.c.expires_at <= now)
                .returning(table.c.id)
            )
            if db.execute(claimed).first() is None:
                return False
            self.purge(now)
            return True

    def keep(self, sent: Sent, answer: Stored) -> None:
        """Store what the work that claimed the key is answered with."""
        values = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        with self._database.unit_of_work() as db:
            db.execute(update(self._table).where(self._table.c.id == sent.id).values(**values))

    def forget_answers_with(self, text: str) -> int:
        """Remove the keys whose answers hold the text, and return how many."""
        told = self._table.c.body.contains(text, autoescape=True)
        with self._database.unit_of_work() as db:
            return db.execute(delete(self._table).where(told)).rowcount

    def purge_all(self, now: datetime) -> int:
        """Remove all expired keys, some at a time, and return how many."""
        total = 0
        while removed := self.purge(now, _PURGED_BY_UPKEEP):
            total += removed
        return total

    def purge(self, now: datetime, limit: int = PURGED_AT_ONCE) -> int:
        """Remove some expired keys and return how many; those that another transaction holds are left to it."""
        table = self._table
        expired = select(table.c.id).where(table.c.expires_at <= now).limit(limit).with_for_update(skip_locked=True)
        with self._database.unit_of_work() as db:
            return db.execute(delete(table).where(table.c.id.in_(expired))).rowcount
