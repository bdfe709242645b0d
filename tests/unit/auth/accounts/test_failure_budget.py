"""Failure budgets: counted before verifying, refunded, reset (NIST SP 800-63B-4 s3.2.2, OWASP ASVS 6.3.1)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from services.auth.accounts.failure_budget import (
    CEILING,
    DRIP,
    Attempt,
    Blocked,
    Budget,
    BudgetKey,
    Contender,
    account_ceiling,
    begin,
    begin_attempt,
    device_budget,
    network_budget,
    wait_after,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ALICE = network_budget("alice", "192.0.2.1")


@dataclass
class Budgets:
    """In memory; `lose` attempts see the row changed by somebody else."""

    rows: dict[BudgetKey, Budget] = field(default_factory=dict)
    lose: int = 0

    def find(self, budget_key: BudgetKey) -> Budget | None:
        return self.rows.get(budget_key)

    def count(self, budget_key: BudgetKey, *, read: Budget | None, write: Budget, now: datetime) -> bool:
        assert now == NOW or now > NOW
        if self.lose:
            self.lose -= 1
            failures = (read.failures if read else 0) + 1
            self.rows[budget_key] = Budget(failures, None)
            return False
        assert self.rows.get(budget_key) == read
        self.rows[budget_key] = write
        return True

    def refund(self, budget_key: BudgetKey, *, counted: int) -> None:
        row = self.rows[budget_key]
        self.rows[budget_key] = Budget(row.failures - 1, None if row.failures == counted else row.blocked_until)

    def reset(self, budget_key: BudgetKey) -> None:
        del self.rows[budget_key]

    def reset_account(self, account: bytes) -> bool:
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
    for key in (ALICE, account_ceiling("alice"), device_budget("alice", b"d" * 32)):
        assert [len(part) for part in key] == [32, 32]
        assert b"alice" not in key.value + key.account
        assert key.account == ALICE.account


def try_from(budgets: Budgets, network: str, now: datetime = NOW, *, device: bytes | None = None) -> Attempt | Blocked:
    return begin(budgets, Contender("alice", network, device), now)


def test_seventeen_wrong_guesses_and_one_an_hour_keep_no_new_browser_of_another_network_out() -> None:
    budgets, now = Budgets(), NOW
    for hour in range(24 * 30):
        while not isinstance(try_from(budgets, "198.51.100.66", now), Blocked):
            pass
        now = NOW + timedelta(hours=hour + 1)
        mine = try_from(budgets, "192.0.2.1", now)
        assert isinstance(mine, Attempt), f"kept out after {hour} hours"
        mine.succeed(budgets, now)


def test_an_account_that_many_networks_guess_at_has_a_ceiling_that_lets_one_more_in_each_quarter_of_an_hour() -> None:
    budgets = Budgets()
    for number in range(CEILING):
        assert isinstance(try_from(budgets, f"198.51.{number}.1"), Attempt)
    assert try_from(budgets, "192.0.2.1") == Blocked(DRIP)
    assert isinstance(try_from(budgets, "192.0.2.1", NOW + DRIP), Attempt), "what was blocked did not count"
    assert try_from(budgets, "192.0.2.2", NOW + DRIP) == Blocked(DRIP)
    assert isinstance(try_from(budgets, "192.0.2.2", device=b"d" * 32), Attempt), "a known browser has no ceiling"


@pytest.mark.requirement("ASVS-6.1.1", "NIST63B-3.2.2")
def test_guessing_from_a_thousand_networks_for_a_month_admits_three_thousand_attempts() -> None:
    budgets, now, admitted, network = Budgets(), NOW, 0, 0
    while now < NOW + timedelta(days=30):
        network = (network + 1) % 1000
        match try_from(budgets, f"network {network}", now):
            case Blocked(retry_after=wait):
                now += wait
            case _:
                admitted += 1
    assert 2900 < admitted < CEILING + 30 * 24 * 4 + 2


def test_a_right_factor_costs_neither_budget_anything() -> None:
    budgets = Budgets()
    for _ in range(3 * CEILING):
        attempt = try_from(budgets, "192.0.2.1")
        assert isinstance(attempt, Attempt)
        attempt.give_back(budgets, NOW)
    assert budgets.rows[account_ceiling("alice")] == Budget(0, NOW)


def test_a_sign_in_forgives_its_own_network_and_not_what_others_have_failed() -> None:
    budgets = Budgets()
    for _ in range(4):
        try_from(budgets, "192.0.2.1")
        try_from(budgets, "198.51.100.66")
    attempt = try_from(budgets, "192.0.2.1")
    assert isinstance(attempt, Attempt)
    attempt.succeed(budgets, NOW)
    assert ALICE not in budgets.rows
    assert budgets.rows[network_budget("alice", "198.51.100.66")].failures == 4
    assert budgets.rows[account_ceiling("alice")] == Budget(8, NOW + 8 * DRIP)
