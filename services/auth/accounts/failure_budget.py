"""Failure budgets: how often a sign-in may fail before it has to wait.

Policy: decisions on sign-in (ADR-0007, ADR-0074); Spec: NIST SP 800-63B-4 s3.2.2, OWASP ASVS 6.3.1
Shared by every factor. One budget an account and network, under a high ceiling of the account; a browser that signed in
as that user before has one of its own instead of both, so that nobody can lock the real user out. An attempt is counted
before it is verified: parallel guesses can't share one try.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from services.auth.opaque_token import digest

#: Failures that cost nothing.
FREE_FAILURES = 5
LONGEST_WAIT = timedelta(hours=1)
#: Failures of one account at browsers it does not know, from all networks: so many at once, and another each `DRIP`.
CEILING = 100
DRIP = timedelta(minutes=15)


@dataclass(frozen=True)
class Budget:
    """One budget as stored. `failures` counts since the last complete success.

    `blocked_until`: when the next attempt may be made; of a ceiling, when nothing would be left of what was counted.
    """

    failures: int
    blocked_until: datetime | None


class BudgetKey(NamedTuple):
    """The name of a budget and of the account it is of (which need not exist); both are SHA-256 digests."""

    value: bytes
    account: bytes


class FailureBudgets(Protocol):
    """The port that storage implements."""

    def find(self, budget_key: BudgetKey) -> Budget | None: ...

    def count(self, budget_key: BudgetKey, *, read: Budget | None, write: Budget, now: datetime) -> bool:
        """Replace `read` by `write`; False when somebody else has changed the row since."""
        ...

    def refund(self, budget_key: BudgetKey, *, counted: int) -> None: ...

    def reset(self, budget_key: BudgetKey) -> None: ...

    def reset_account(self, account: bytes) -> bool:
        """Reset every budget of an account, wherever its failures came from; False when there were none."""
        ...


@dataclass(frozen=True)
class Blocked:
    """No attempt now."""

    retry_after: timedelta


#: What a further attempt makes of a budget.
Rule = Callable[[Budget | None, datetime], Budget | Blocked]


@dataclass(frozen=True)
class Contender:
    """Who tries: a user name (that no account may have), from a network, in the known browser `device` if it is one."""

    username: str
    network: str
    device: bytes | None

    @property
    def budget_key(self) -> BudgetKey:
        if self.device is not None:
            return device_budget(self.username, self.device)
        return network_budget(self.username, self.network)


@dataclass(frozen=True)
class Attempt:
    """One attempt as it was counted; `failures` is 0 when it was not, as the repetition of one that was."""

    contender: Contender
    failures: int

    @property
    def blocks_the_next(self) -> bool:
        """Whether another attempt has to wait."""
        return self.failures >= FREE_FAILURES

    def give_back(self, budgets: FailureBudgets, now: datetime) -> None:
        """Take it out of the budgets: it did not fail."""
        if not self.failures:
            return
        budgets.refund(self.contender.budget_key, counted=self.failures)
        self._give_back_to_ceiling(budgets, now)

    def succeed(self, budgets: FailureBudgets, now: datetime) -> None:
        """Begin the budget anew: every factor was right. Other networks' failures stay in the ceiling."""
        budgets.reset(self.contender.budget_key)
        if self.failures:
            self._give_back_to_ceiling(budgets, now)

    def _give_back_to_ceiling(self, budgets: FailureBudgets, now: datetime) -> None:
        if self.contender.device is None:
            _change(budgets, account_ceiling(self.contender.username), now, _one_less)


def begin(budgets: FailureBudgets, contender: Contender, now: datetime) -> Attempt | Blocked:
    """Count an attempt before it is verified, as far as it is possible now."""
    failures = begin_attempt(budgets, contender.budget_key, now)
    if isinstance(failures, Blocked) or contender.device is not None:
        return failures if isinstance(failures, Blocked) else Attempt(contender, failures)
    over = begin_attempt(budgets, account_ceiling(contender.username), now, rule=under_ceiling)
    if isinstance(over, Blocked):
        budgets.refund(contender.budget_key, counted=failures)
        return over
    return Attempt(contender, failures)


def account_of(username: str) -> bytes:
    """Return what all budgets of an account have in common; names that no account has get some too: none shows."""
    return digest(f"account:{username}")


def network_budget(username: str, network: str) -> BudgetKey:
    """Return the key of an account's budget in one network."""
    return BudgetKey(digest(f"account:{username}@{network}"), account_of(username))


def account_ceiling(username: str) -> BudgetKey:
    """Return the key of what an account may fail at browsers that it does not know, in all networks together."""
    return BudgetKey(digest(f"ceiling:{username}"), account_of(username))


def device_budget(username: str, device_hash: bytes) -> BudgetKey:
    """Return the key of the budget that one browser known to the account has to itself."""
    return BudgetKey(digest(f"device:{username}:{device_hash.hex()}"), account_of(username))


def backing_off(read: Budget | None, now: datetime) -> Budget | Blocked:
    """Four failures are free; from the fifth on each makes the next one wait for longer."""
    if read is not None and read.blocked_until is not None and read.blocked_until > now:
        return Blocked(read.blocked_until - now)
    failures = (read.failures if read else 0) + 1
    return Budget(failures, now + wait_after(failures) if failures >= FREE_FAILURES else None)


def under_ceiling(read: Budget | None, now: datetime) -> Budget | Blocked:
    """`CEILING` at once, and one more each `DRIP`, whoever they come from."""
    empty = now if read is None or read.blocked_until is None else max(read.blocked_until, now)
    if (room := empty - now - (CEILING - 1) * DRIP) > timedelta(0):
        return Blocked(room)
    return Budget((read.failures if read else 0) + 1, empty + DRIP)


def begin_attempt(
    budgets: FailureBudgets, budget_key: BudgetKey, now: datetime, *, rule: Rule = backing_off
) -> int | Blocked:
    """Count an attempt in one budget.

    Returns: the number of failures as counted, to be refunded when the factor proves right; or how long to wait.
    """
    changed = _change(budgets, budget_key, now, rule)
    return changed if isinstance(changed, Blocked) else changed.failures


def wait_after(failures: int) -> timedelta:
    """Return the pause after that many failures: none below five, then 1 s, 2 s, 4 s ... one hour at most."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE_FAILURES, 12)), LONGEST_WAIT)


def _one_less(read: Budget | None, now: datetime) -> Budget | Blocked:
    if read is None or read.blocked_until is None:
        return Budget(0, None)
    return Budget(max(0, read.failures - 1), max(read.blocked_until - DRIP, now))


def _change(budgets: FailureBudgets, budget_key: BudgetKey, now: datetime, rule: Rule) -> Budget | Blocked:
    """Read, decide, and write unless somebody else has written meanwhile; a row that never rests admits nobody."""
    for _ in range(8):
        read = budgets.find(budget_key)
        write = rule(read, now)
        if isinstance(write, Blocked) or budgets.count(budget_key, read=read, write=write, now=now):
            return write
    return Blocked(timedelta(seconds=1))
