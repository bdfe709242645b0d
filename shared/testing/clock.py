"""SettableClock: time that a test moves by hand."""

from datetime import UTC, datetime, timedelta

from shared.clock import Clock


class SettableClock(Clock):
    """Stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2030, 1, 1, 12, tzinfo=UTC)) -> None:
        super().__init__()
        self._now = start

    def now(self) -> datetime:
        """Return the moment that it was moved to."""
        return self._now

    def advance(self, **step: float) -> None:
        """Move by a timedelta's arguments: `advance(seconds=31)`."""
        self._now += timedelta(**step)
