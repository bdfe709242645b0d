"""The audit trail as an operator reads it: in the order of time, a batch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, and_, or_, select

from services.auth.storage.tables import audit_events
from shared.database import Connection

_BATCH = 1000
_row = audit_events.c


@dataclass(frozen=True)
class Wanted:
    """Which events: from a moment on, before another one, about a user; None: whichever."""

    since: datetime | None = None
    until: datetime | None = None
    user_id: UUID | None = None


@dataclass(frozen=True)
class Recorded:
    """One event: what places it, and what a line of JSON says of it."""

    id: UUID
    at: datetime
    members: dict[str, Any]


@dataclass(frozen=True)
class SqlAuditReading:
    """Reads on one connection."""

    connection: Connection

    def newest(self, wanted: Wanted, count: int) -> list[Recorded]:
        """Return the last of them, the oldest first."""
        return self._read(_matching(wanted).order_by(_row.at.desc(), _row.id.desc()).limit(count))[::-1]

    def all(self, wanted: Wanted) -> Iterator[Recorded]:
        """Yield each, the oldest first, without ever holding more than a batch."""
        query = _matching(wanted).order_by(_row.at, _row.id).limit(_BATCH)
        batch = self._read(query)
        yield from batch
        while len(batch) == _BATCH:
            last = batch[-1]
            batch = self._read(query.where(or_(_row.at > last.at, and_(_row.at == last.at, _row.id > last.id))))
            yield from batch

    def _read(self, query: Select[Any]) -> list[Recorded]:
        return [_recorded(row) for row in self.connection.execute(query).mappings()]


def _recorded(row: RowMapping) -> Recorded:
    members = {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
    return Recorded(row["id"], row["at"], {**members, "at": row["at"].isoformat().replace("+00:00", "Z")})


def _matching(wanted: Wanted) -> Select[Any]:
    conditions = []
    if wanted.since is not None:
        conditions.append(_row.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(_row.at < wanted.until)
    if wanted.user_id is not None:
        conditions.append(_row.user_id == wanted.user_id)
    return select(audit_events).where(*conditions)
