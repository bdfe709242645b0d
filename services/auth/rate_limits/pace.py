"""The pace at which the attempts of one network are answered: slower as its share is used up, and refused at last.

Policy: ADR-0011, ADR-0074
A held answer costs a connection, which has a cap, and no thread: so a flood slows itself down, whatever it sends.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from shared.errors import TooManyRequests

#: The longest that an answer is held; the share of a limit that is free of it, and that from which it is the longest.
LONGEST_HOLD = timedelta(seconds=1)
_FREE_SHARE, _FULL_SHARE = 0.02, 0.1
#: Answers that one process holds at a time; past that they leave at once.
_MOST_HELD = 200


@dataclass
class Pace:
    """What one attempt has found of its network's limit. `used`: the share that is used up, 1 when it was refused."""

    used: float
    admitted: bool
    retry_after: timedelta

    def demand(self) -> None:
        """Go on if the network may.

        Raises:
            TooManyRequests: it has used up its share.
        """
        if not self.admitted:
            raise TooManyRequests("too many requests from this network", self.retry_after)

    def release(self) -> None:
        """Hold and refuse nothing: the factor was right, or this browser is known, which has its own budget."""
        self.used, self.admitted = 0.0, True

    @property
    def hold(self) -> timedelta:
        """How long the answer is to be held."""
        return LONGEST_HOLD * min(1.0, max(0.0, self.used - _FREE_SHARE) / (_FULL_SHARE - _FREE_SHARE))


class Holding:
    """Holds answers back; of one event loop."""

    def __init__(self) -> None:
        self._held = 0

    async def wait(self, pace: Pace) -> None:
        """Return when the answer may leave."""
        seconds = pace.hold.total_seconds()
        if seconds <= 0 or self._held >= _MOST_HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._held -= 1
