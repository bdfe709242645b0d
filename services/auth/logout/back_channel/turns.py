"""Which clients may be posted to now: a few notices at a time each, and fewer chances for one that fails.

Policy: ADR-0021. Known to this process alone; another one finds out by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

#: Notices of one client that are on their way at once.
PER_CLIENT = 4
#: Notices of all clients together that failed last, so that several silent ones leave room for the others.
TROUBLED = 8
#: Failures in a row after which a client is left alone for a while.
BREAKS_AFTER = 3

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=5)


@dataclass
class _Line:
    in_flight: int = 0
    failures: int = 0
    pause: timedelta = timedelta(0)
    paused_at: datetime | None = None

    def paused(self, now: datetime) -> bool:
        return self.paused_at is not None and timedelta(0) <= now - self.paused_at < self.pause


@dataclass
class Turns:
    """Used from one event loop."""

    _lines: dict[str, _Line] = field(default_factory=dict)

    def not_now(self, now: datetime) -> set[str]:
        """Return the clients whose notices must wait: some are on their way, it pauses, or too many others fail."""
        full = sum(line.in_flight for line in self._troubled()) >= TROUBLED
        return {
            client_id
            for client_id, line in self._lines.items()
            if line.in_flight or line.paused(now) or (full and line.failures)
        }

    def begin(self, client_id: str) -> None:
        """Count a notice that is on its way."""
        self._lines.setdefault(client_id, _Line()).in_flight += 1

    def end(self, client_id: str, *, well: bool, now: datetime) -> None:
        """Learn how it went. `well`: the client answered, whatever it said."""
        line = self._lines[client_id]
        line.in_flight -= 1
        if not well:
            line.failures += 1
            if line.failures >= BREAKS_AFTER:
                doublings = min(line.failures - BREAKS_AFTER, 10)
                line.paused_at, line.pause = now, min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)
        elif line.in_flight:
            line.failures, line.paused_at = 0, None
        else:
            del self._lines[client_id]  # nothing is to be remembered of one that is well

    def _troubled(self) -> Iterator[_Line]:
        return (line for line in self._lines.values() if line.failures)
