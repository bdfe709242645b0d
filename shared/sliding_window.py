"""A sliding window counter in this process: a constant number of cheap steps a request, and no thread of its own.

Policy: ADR-0011
The window that slides over two fixed ones: what was counted in the one before weighs as much as it still reaches in.
Two tables a limit, of which the older is dropped whole when a window ends: nothing is swept, and nothing outlives that.
"""

import threading
import time
from collections.abc import Callable


class SlidingWindow:
    """Counts keys against one limit. Threads share it."""

    def __init__(self, amount: int, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._amount = amount
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._window = 0
        self._before: dict[str, int] = {}
        self._counts: dict[str, int] = {}

    def hit(self, key: str, cost: int = 1) -> bool:
        """Count `cost`; False, and not counted, when so much was not left before it."""
        with self._lock:
            free = self._left(key) >= cost
            if free:
                self._counts[key] = self._counts.get(key, 0) + cost
            return free

    def test(self, key: str) -> bool:
        """Say what `hit` would, without counting."""
        with self._lock:
            return self._left(key) > 0

    def left(self, key: str) -> tuple[int, float]:
        """Return how much may still be counted, and in how many seconds the present window ends."""
        with self._lock:
            return max(0, self._left(key)), self._seconds - self._clock() % self._seconds

    def _left(self, key: str) -> int:
        window, into = divmod(self._clock(), self._seconds)
        if window != self._window:
            self._before = self._counts if window == self._window + 1 else {}
            self._counts = {}
            self._window = int(window)
        still_in = self._before.get(key, 0) * (1 - into / self._seconds)
        return self._amount - int(still_in) - self._counts.get(key, 0)
