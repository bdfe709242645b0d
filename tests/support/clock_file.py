"""The CLOCK_FILE of a running stack: time that a test sets for several processes at once.

For one process `shared.testing.SettableClock` (the fixture `clock`) is enough.
"""

from datetime import timedelta
from pathlib import Path


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
