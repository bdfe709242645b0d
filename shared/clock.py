"""The suite's one source of time.

Policy: ADR-0006. In ENVIRONMENT=local a file (CLOCK_FILE) may hold signed seconds that every process adds to
its clock, read anew on use, so that expiry is tried across processes without sleeping.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """Tells the time; moments leave it as aware UTC datetimes."""

    def __init__(self, offset_file: Path | None = None) -> None:
        self._offset_file = offset_file

    def now(self) -> datetime:
        """Return the current moment, UTC."""
        real = datetime.now(UTC)  # noqa: TID251 - the one home of time
        return real if self._offset_file is None else real + self._offset(self._offset_file)

    @staticmethod
    def _offset(file: Path) -> timedelta:
        try:
            text = file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return timedelta(0)
        return timedelta(seconds=float(text or "0"))


def epoch(moment: datetime) -> int:
    """Return the whole seconds since 1970 that JWT calls a NumericDate (RFC 7519 s2)."""
    return int(moment.timestamp())


def moment(numeric_date: float) -> datetime:
    """Return the UTC datetime of a NumericDate."""
    return datetime.fromtimestamp(numeric_date, UTC)
