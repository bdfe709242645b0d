"""Rounds in pairs, ours and the peer's interleaved, so that what else the machine does falls on both.

A round measures ours, the peer, the peer, ours. Each side against itself (A/A) tells whether the machine held still;
a round that it did not hold still for is measured again, and after some tries the best of them is kept and counted as
not quiet.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

from tests.benchmarks.load import Measured

#: What the same work measured twice may differ by.
QUIET = (0.93, 1.07)

Measure = Callable[[], Measured]


@dataclass(frozen=True)
class Pair:
    """One round: each side measured twice, the peer's inside ours. `peer` is None where there is no peer."""

    ours: tuple[Measured, Measured]
    peer: tuple[Measured, Measured] | None

    @property
    def controls(self) -> list[float]:
        """A/A: what each side costs the second time against the first."""
        sides = [self.ours] if self.peer is None else [self.ours, self.peer]
        return [second.cpu_per_round / first.cpu_per_round for first, second in sides]

    @property
    def unrest(self) -> float:
        """How far the worse A/A is from 1."""
        return max(abs(control - 1) for control in self.controls)

    @property
    def quiet(self) -> bool:
        return all(QUIET[0] <= control <= QUIET[1] for control in self.controls)

    @property
    def ratio(self) -> float:
        """Rounds for each CPU-second, ours over the peer's."""
        assert self.peer is not None
        return joined(*self.peer).cpu_per_round / joined(*self.ours).cpu_per_round


@dataclass(frozen=True)
class Spread:
    """A median and the quartiles around it."""

    middle: float
    low: float
    high: float

    def __format__(self, form: str) -> str:
        return f"{self.middle:{form}} ({self.low:{form}}-{self.high:{form}})"


def spread(values: list[float]) -> Spread:
    """Return the median and quartiles of some values; of one value, that value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


def joined(*parts: Measured) -> Measured:
    """Return several measurements as one."""
    return Measured(
        sum(part.rounds for part in parts),
        sum(part.requests for part in parts),
        sum(part.cpu for part in parts),
        sum(part.database_cpu for part in parts),
        sum(part.seconds for part in parts),
    )


def measure_pairs(ours: Measure, peer: Measure | None, *, rounds: int, tries: int) -> list[Pair]:
    """Return `rounds` pairs, each the first quiet one of at most `tries`, else the least unquiet of them."""
    return [_one(ours, peer, tries) for _ in range(rounds)]


def _one(ours: Measure, peer: Measure | None, tries: int) -> Pair:
    found: list[Pair] = []
    while len(found) < tries:
        first = ours()
        between = None if peer is None else (peer(), peer())
        found.append(Pair((first, ours()), between))
        if found[-1].quiet:
            break
    return min(found, key=lambda pair: pair.unrest)


def middle_of(pairs: list[Pair], of: Callable[[Pair], float]) -> float:
    """Return the median of something over the rounds."""
    return median(of(pair) for pair in pairs)
