"""User names do not tell by the work that they cost: as many hashes and the same statements, in every branch.

Spec: OWASP ASVS 6.3.8. Counted, since a clock would show only the largest differences.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.auth.accounts import password as passwords
from services.auth.accounts.failure_budget import CEILING, DRIP, account_ceiling, network_budget
from services.auth.accounts.password import ACCOUNT_SHARE
from services.auth.rate_limits.limits import Limit
from services.auth.storage.tables import failure_budgets
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, start
from tests.integration.auth.seeds import CAROL, seeded_file
from tests.support.statements import sent_statements

NETWORK = "192.0.2.1"
#: Known, known with a second factor, disabled; and such as nobody has.
NAMES = ("alice", "bob", "carol", "nobody", "n\u00f6body", "x" * 200)

Prepare = Callable[[Provider, Browser, str], None]


class Hasher:
    """Stands in for Argon2: counts what it is asked, and says no."""

    def __init__(self) -> None:
        self.verified = 0

    def hash(self, *_: bytes, **__: Any) -> str:
        return "a hash"

    def verify(self, *_: object) -> bool:
        self.verified += 1
        return False


def _nothing(provider: Provider, browser: Browser, name: str) -> None:
    pass


def _a_forged_device(provider: Provider, browser: Browser, name: str) -> None:
    browser.http.cookies.set("SSO_DEVICE", "A" * 43)


def _five_forged_devices(provider: Provider, browser: Browser, name: str) -> None:
    browser.http.cookies.set("SSO_DEVICE", ".".join(letter * 43 for letter in "ABCDE"))


def _failed_before(provider: Provider, browser: Browser, name: str) -> None:
    for _ in range(3):
        browser.enter_password(browser.open(), (name, "a guess"))


def _blocked(provider: Provider, browser: Browser, name: str) -> None:
    for _ in range(5):
        browser.enter_password(browser.open(), (name, "a guess"))


def _blocked_with_a_device(provider: Provider, browser: Browser, name: str) -> None:
    _blocked(provider, browser, name)
    _a_forged_device(provider, browser, name)


def _under_the_ceiling(provider: Provider, browser: Browser, name: str) -> None:
    with provider.database.unit_of_work() as db:
        full = provider.clock.now() + CEILING * DRIP
        key = account_ceiling(name)
        row = {"budget_key": key.value, "account_hash": key.account, "failures": CEILING, "blocked_until": full}
        db.execute(failure_budgets.insert().values(**row, updated_at=provider.clock.now()))


def _too_often(provider: Provider, browser: Browser, name: str) -> None:
    limits = provider.context.rate_limits
    while limits.hit(Limit.ATTEMPT, network_budget(name, NETWORK).value.hex()):
        pass


def _share_taken(provider: Provider, browser: Browser, name: str) -> None:
    passwords._taken[network_budget(name, NETWORK).value.hex()] = ACCOUNT_SHARE


BRANCHES: dict[str, tuple[Prepare, int]] = {
    "wrong": (_nothing, 1),
    "a forged device": (_a_forged_device, 1),
    "five forged devices": (_five_forged_devices, 1),
    "wrong before": (_failed_before, 1),
    "blocked": (_blocked, 0),
    "blocked, with a device": (_blocked_with_a_device, 0),
    "the account's ceiling is reached": (_under_the_ceiling, 0),
    "tried too often": (_too_often, 0),
    "its share of the queue is taken": (_share_taken, 0),
}


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hasher]:
    seeded_file()  # with hashes of the real one
    counting = Hasher()
    monkeypatch.setattr(passwords, "_hasher", counting)
    passwords._nobody.cache_clear()
    yield counting
    passwords._nobody.cache_clear()
    passwords._taken.clear()


def _work(provider: Provider, hasher: Hasher, name: str, prepare: Prepare) -> tuple[int, Counter[str], int]:
    browser = provider.browser(NETWORK)
    prepare(provider, browser, name)
    page = browser.open()
    verified = hasher.verified
    with sent_statements() as sent:
        answer = browser.enter_password(page, (name, "another guess"))
    statements = Counter(re.sub(r"\s+", " ", statement) for statement, _ in sent)
    return hasher.verified - verified, statements, answer.status_code


@pytest.mark.requirement("ASVS-6.3.8")
@pytest.mark.parametrize("branch", BRANCHES)
def test_a_name_that_somebody_has_costs_the_work_of_one_that_nobody_has(
    tmp_path: Path, clock: SettableClock, hasher: Hasher, branch: str
) -> None:
    prepare, hashes = BRANCHES[branch]
    provider = start(tmp_path, clock)
    provider.sql("UPDATE users SET disabled_at = '2030-01-01 00:00:00' WHERE username = 'carol'")
    _work(provider, hasher, "somebody before", prepare)  # the first of its kind is written down (ADR-0078)
    work = {name: _work(provider, hasher, name, prepare) for name in NAMES}
    assert {verified for verified, _, _ in work.values()} == {hashes}
    expected = work["nobody"]
    assert {name: found for name, found in work.items() if found != expected} == {}
    stop(provider)


def test_another_users_real_device_costs_no_more_either(
    tmp_path: Path, clock: SettableClock, request: pytest.FixtureRequest
) -> None:
    provider = start(tmp_path, clock)
    carols = provider.browser(NETWORK)
    carols.sign_in(CAROL)
    hasher: Hasher = request.getfixturevalue("hasher")

    def with_carols_device(_provider: Provider, browser: Browser, _name: str) -> None:
        browser.http.cookies.set("SSO_DEVICE", carols.cookies["SSO_DEVICE"])

    _work(provider, hasher, "somebody before", with_carols_device)
    work = {name: _work(provider, hasher, name, with_carols_device) for name in ("alice", "nobody")}
    assert work["alice"] == work["nobody"]
    stop(provider)
