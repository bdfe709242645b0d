"""Failure budgets: how often a sign-in may fail before it has to wait.

Policy: decisions on sign-in (ADR-0007); Spec: NIST SP 800-63B-4 s3.2.2, OWASP ASVS 6.3.1
One budget an account, shared by every factor; a browser that signed in as that user before has its own, so that
nobody can lock the real user out. An attempt is counted before it is verified: parallel guesses can't share one try.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.auth.opaque_token import digest

#: Failures that cost nothing.
FREE_FAILURES = 5
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True)
class Budget:
    """One budget as stored. `failures` counts since the last complete success."""

    failures: int
    blocked_until: datetime | None


class FailureBudgets(Protocol):
    """The port that storage implements. Keys are SHA-256 digests."""

    def find(self, budget_key: bytes) -> Budget | None: ...

    def count(self, budget_key: bytes, *, read: Budget | None, write: Budget, now: datetime) -> bool:
        """Replace `read` by `write`; False when somebody else has changed the row since."""
        ...

    def refund(self, budget_key: bytes, *, counted: int) -> None: ...

    def reset(self, budget_key: bytes) -> None: ...


@dataclass(frozen=True)
class Blocked:
    """No attempt now."""

    retry_after: timedelta


def account_budget(username: str) -> bytes:
    """Return the key of an account's budget; names that no account has get one too, so that none shows."""
    return digest(f"account:{username}")


def device_budget(username: str, device_hash: bytes) -> bytes:
    """Return the key of the budget that one browser known to the account has to itself."""
    return digest(f"device:{username}:{device_hash.hex()}")


def begin_attempt(budgets: FailureBudgets, budget_key: bytes, now: datetime) -> int | Blocked:
    """Count an attempt before it is verified.

    Returns: the number of failures as counted, to be refunded when the factor proves right; or how long to wait.
    """
    for _ in range(8):
        read = budgets.find(budget_key)
        if read is not None and read.blocked_until is not None and read.blocked_until > now:
            return Blocked(read.blocked_until - now)
        failures = (read.failures if read else 0) + 1
        blocked_until = now + wait_after(failures) if failures >= FREE_FAILURES else None
        if budgets.count(budget_key, read=read, write=Budget(failures, blocked_until), now=now):
            return failures
    return Blocked(timedelta(seconds=1))


def wait_after(failures: int) -> timedelta:
    """Return the pause after that many failures: none below five, then 1 s, 2 s, 4 s ... one hour at most."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE_FAILURES, 12)), LONGEST_WAIT)
