"""What keeps the trail small whoever sends what: repeated occurrences of one kind become one row with a count.

Policy: ADR-0078
A refusal is written when it comes first in its window, with all that is known; its repetitions are counted, and told
at the window's end. What was issued is counted alone. Beyond `MOST_KINDS` of a window, kinds that differ in network
or user are one. So a window adds a bounded number of rows, and a request without a refusal no statement.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from services.auth.audit.event import AuditEvent, AuditTrail, Origin
from services.auth.audit.occurrence import Occurrence
from shared.errors import Unavailable

WINDOW = timedelta(minutes=5)
MOST_KINDS = 100
_LOOK_EVERY = 30  # seconds

_log = logging.getLogger(__name__)


class LedgerStores(Protocol):
    """Where rows go."""

    @property
    def audit(self) -> AuditTrail: ...


class LedgerDatabase(Protocol):
    """Opens those stores in one transaction."""

    def transaction(self) -> AbstractContextManager[LedgerStores]: ...


@dataclass
class _Kind:
    """One kind in this window: its first occurrence, and how many came that no row tells of yet."""

    first: AuditEvent
    untold: int


@dataclass
class Ledger:
    """Counts in memory, each process for itself. Safe to use from many threads."""

    database: LedgerDatabase
    clock: Callable[[], datetime]
    _kinds: dict[tuple[Any, ...], _Kind] = field(default_factory=dict)
    _ends_at: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, occurrence: Occurrence, origin: Origin | None) -> list[AuditEvent]:
        """Count one, and return the rows to `write` now: its own, if it is new, and those of a window that is over.

        `origin`: of a refusal; what is issued is counted without, in a microsecond or two.
        """
        now = self.clock()
        network = None if origin is None else origin.network
        key: tuple[Any, ...] = (
            occurrence.event,
            occurrence.client_id,
            occurrence.about or occurrence.user_id,
            network,
        )
        with self._lock:
            rows = self._close(now) if self._over(now) else []
            if key not in self._kinds and len(self._kinds) >= MOST_KINDS:
                key, origin = key[:2], None
                occurrence = Occurrence(occurrence.event, occurrence.client_id, grant=occurrence.grant)
            known = self._kinds.get(key)
            if known is not None:
                known.untold += 1
                return rows
            self._ends_at = self._ends_at or now + WINDOW
            event = _event(occurrence, origin, now)
            if occurrence.grant is None:
                self._kinds[key] = _Kind(event, 0)
                return [*rows, event]
            self._kinds[key] = _Kind(event, 1)
        return rows

    def overdue(self) -> list[AuditEvent]:
        """Return the rows of a window that is over, for a clock that looks now and then."""
        now = self.clock()
        with self._lock:
            return self._close(now) if self._over(now) else []

    def close(self) -> list[AuditEvent]:
        """Return the rows of this window, which ends here: the process does."""
        with self._lock:
            return self._close(self.clock())

    async def tell_in_time(self) -> None:
        """Write what windows have counted, for ever, also when no request comes; at the end what this one has."""
        try:
            while True:
                await asyncio.sleep(_LOOK_EVERY)
                await asyncio.to_thread(self.write, self.overdue())
        finally:
            self.write(self.close())

    def write(self, rows: Sequence[AuditEvent]) -> None:
        """Append them. While the database is away they are lost to the trail: the log lines have them."""
        if not rows:
            return
        try:
            with self.database.transaction() as stores:
                for row in rows:
                    stores.audit.record(row)
        except Unavailable:
            _log.warning("%d audit events could not be written: %s", len(rows), sorted({row.event for row in rows}))

    def _over(self, now: datetime) -> bool:
        return self._ends_at is not None and not self._ends_at - WINDOW <= now < self._ends_at

    def _close(self, now: datetime) -> list[AuditEvent]:
        rows = [
            replace(
                kind.first,
                at=now,
                details={**kind.first.details, "count": kind.untold, "since": _text(kind.first)},
                request_id=None,
            )
            for kind in self._kinds.values()
            if kind.untold
        ]
        self._kinds.clear()
        self._ends_at = None
        return rows


def _event(occurrence: Occurrence, origin: Origin | None, now: datetime) -> AuditEvent:
    return AuditEvent(
        occurrence.event,
        now,
        user_id=occurrence.user_id,
        client_id=occurrence.client_id,
        family_id=occurrence.family_id,
        origin=origin,
        details=dict(occurrence.details),
    )


def _text(event: AuditEvent) -> str:
    return event.at.isoformat(timespec="seconds")
