"""Time that a test sets: a frozen clock for one process, and the CLOCK_FILE that several share."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.clock import Clock

#: Where a frozen clock starts. Any moment would do; one with a round clock face is easier to read in a failure.
START = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


class FrozenClock(Clock):
    """Stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        super().__init__()
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, step: timedelta) -> datetime:
        """Move by `step` (back, if negative) and return the new moment."""
        self._now += step
        return self._now


class ClockFile:
    """The file that CLOCK_FILE names: seconds that every process of the stack adds to its clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = timedelta(0)
        self._write()

    def advance(self, step: timedelta) -> None:
        """Move every process that reads the file by `step`; they see it at their next look at the clock."""
        self._offset += step
        self._write()

    def _write(self) -> None:
        # replaced whole, so that no reader sees half a number
        fresh = self.path.with_name(f"{self.path.name}.new")
        fresh.write_text(f"{self._offset.total_seconds():+}\n", encoding="ascii")
        fresh.replace(self.path)
