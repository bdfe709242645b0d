"""Failure budgets: counted before verifying, refunded, reset (NIST SP 800-63B-4 s3.2.2, OWASP ASVS 6.3.1)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from services.auth.accounts.failure_budget import (
    Blocked,
    Budget,
    account_budget,
    begin_attempt,
    device_budget,
    wait_after,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ALICE = account_budget("alice")


@dataclass
class Budgets:
    """In memory; `lose` attempts see the row changed by somebody else."""

    rows: dict[bytes, Budget] = field(default_factory=dict)
    lose: int = 0

    def find(self, budget_key: bytes) -> Budget | None:
        return self.rows.get(budget_key)

    def count(self, budget_key: bytes, *, read: Budget | None, write: Budget, now: datetime) -> bool:
        assert now == NOW or now > NOW
        if self.lose:
            self.lose -= 1
            failures = (read.failures if read else 0) + 1
            self.rows[budget_key] = Budget(failures, None)
            return False
        assert self.rows.get(budget_key) == read
        self.rows[budget_key] = write
        return True

    def refund(self, budget_key: bytes, *, counted: int) -> None:
        raise NotImplementedError

    def reset(self, budget_key: bytes) -> None:
        raise NotImplementedError


def fail(budgets: Budgets, times: int, now: datetime = NOW) -> None:
    for _ in range(times):
        assert not isinstance(begin_attempt(budgets, ALICE, now), Blocked)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (16, 2048), (17, 3600), (18, 3600), (10_000, 3600)],
)
def test_the_wait_doubles_from_the_fifth_failure_up_to_an_hour(failures: int, seconds: int) -> None:
    assert wait_after(failures) == timedelta(seconds=seconds)


def test_the_fifth_failure_makes_the_next_one_wait() -> None:
    budgets = Budgets()
    fail(budgets, 5)
    assert begin_attempt(budgets, ALICE, NOW) == Blocked(timedelta(seconds=1))
    assert begin_attempt(budgets, ALICE, NOW + timedelta(seconds=0.4)) == Blocked(timedelta(seconds=0.6))
    fail(budgets, 1, NOW + timedelta(seconds=1))
    assert begin_attempt(budgets, ALICE, NOW + timedelta(seconds=1)) == Blocked(timedelta(seconds=2))


def test_a_blocked_attempt_does_not_prolong_the_wait() -> None:
    """Throttling must not be a lock-out weapon."""
    budgets = Budgets()
    fail(budgets, 5)
    for _ in range(100):
        begin_attempt(budgets, ALICE, NOW)
    fail(budgets, 1, NOW + timedelta(seconds=1))


@pytest.mark.requirement("ASVS-6.1.1", "NIST63B-3.2.2")
def test_guessing_for_a_month_admits_fewer_than_a_thousand_attempts() -> None:
    budgets, now, admitted = Budgets(), NOW, 0
    while now < NOW + timedelta(days=30):
        match begin_attempt(budgets, ALICE, now):
            case Blocked(retry_after=wait):
                now += wait
            case _:
                admitted += 1
    assert 700 < admitted < 800


def test_an_attempt_that_lost_the_race_is_counted_on_top() -> None:
    budgets = Budgets(lose=3)
    assert begin_attempt(budgets, ALICE, NOW) == 4
    assert budgets.rows[ALICE].failures == 4


def test_a_row_that_keeps_changing_refuses_and_admits_nobody_for_free() -> None:
    assert begin_attempt(Budgets(lose=100), ALICE, NOW) == Blocked(timedelta(seconds=1))


@pytest.mark.requirement("NIST63B-3.2.2")
def test_a_known_browser_has_a_budget_of_its_own() -> None:
    device = device_budget("alice", b"d" * 32)
    assert len({ALICE, device, device_budget("bob", b"d" * 32), device_budget("alice", b"e" * 32)}) == 4
    budgets = Budgets()
    fail(budgets, 5)
    assert begin_attempt(budgets, device, NOW) == 1


def test_a_key_is_a_digest_and_no_name() -> None:
    assert len(ALICE) == 32
    assert b"alice" not in ALICE
