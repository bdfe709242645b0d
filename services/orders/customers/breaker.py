"""A circuit breaker: a part that fails again and again is left alone for a while, then asked by one request alone.

Closed: everything passes; `threshold` failures in a row open it. Open: nothing passes for `rest`. Half open: one probe
passes; an answer to it closes the breaker, its failure opens it again. Belongs to one event loop; nothing in it awaits.

Policy: ADR-0025
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from prometheus_client import Counter

from shared.clock import Clock
from shared.errors import SuiteError, Unavailable

THRESHOLD = 5
REST = timedelta(seconds=5)

_turns = Counter("circuit_breaker_turns", "Times that a circuit breaker opened or closed.", ["part", "to"])


class Away(SuiteError):
    """The part did not answer, or not as it should; this alone counts as a failure."""


class CircuitBreaker:
    """Watches one part."""

    def __init__(self, part: str, clock: Clock, *, threshold: int = THRESHOLD, rest: timedelta = REST) -> None:
        self.part = part
        self._clock = clock
        self._threshold = threshold
        self._rest = rest
        self._failures = 0
        self._opened_at: datetime | None = None
        self._probing = False

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Let a request to the part pass, and learn from its end: Away is a failure, any answer a success.

        Raises:
            Unavailable: it is open, for the time that `retry_after` says.
        """
        self._admit()
        try:
            yield
        except Away:
            self._failed()
            raise
        except SuiteError:  # what the part has answered is bad news for its caller, and tells that it is there
            self._succeeded()
            raise
        except BaseException:  # a caller that gave up: says nothing about the part
            self._probing = False
            raise
        else:
            self._succeeded()

    def _admit(self) -> None:
        if self._opened_at is None:
            return
        rested = self._clock.now() - self._opened_at
        left = self._rest - rested
        # a clock that was set back ends the rest
        if timedelta(0) <= rested and left > timedelta(0):
            raise Unavailable(f"{self.part} is left alone for a while", left)
        if self._probing:
            raise Unavailable(f"{self.part} is being tried", timedelta(seconds=1))
        self._probing = True

    def _failed(self) -> None:
        self._failures += 1
        if self._probing or self._failures >= self._threshold:
            if self._opened_at is None:
                _turns.labels(self.part, "open").inc()
            self._opened_at = self._clock.now()
        self._probing = False

    def _succeeded(self) -> None:
        if self._opened_at is not None:
            if not self._probing:
                return  # it set out before the breaker opened: the probe decides
            _turns.labels(self.part, "closed").inc()
        self._failures, self._opened_at, self._probing = 0, None, False
