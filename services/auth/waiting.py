"""What waits for a browser, a request to sign in or to sign out: bound to one browser, answered once, kept a while.

Policy: ADR-0007, ADR-0062
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

#: For how long after its end a request may be begun anew, and a page can tell what has become of it.
RESTART_WINDOW = timedelta(hours=1)


class Progress(Enum):
    """How far a request has come, as one browser may know it."""

    OPEN = "open"
    ANSWERED = "answered"
    #: An account or client was changed meanwhile, and nothing may go on.
    ENDED = "ended"
    EXPIRED = "expired"
    #: Another browser's, or not yet anybody's.
    FOREIGN = "foreign"


class Waiting(Protocol):
    """The part of a row that says so. `outcome`: what it came to; None with a `completed_at`: it was ended."""

    @property
    def browser_hash(self) -> bytes | None: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def completed_at(self) -> datetime | None: ...
    @property
    def outcome(self) -> str | None: ...


def progress_of(waiting: Waiting, browser_hash: bytes, now: datetime) -> Progress:
    """Return how far the request has come, for the browser with this hash."""
    if waiting.browser_hash != browser_hash:
        return Progress.FOREIGN
    if waiting.completed_at is not None:
        return Progress.ENDED if waiting.outcome is None else Progress.ANSWERED
    return Progress.OPEN if now < waiting.expires_at else Progress.EXPIRED
