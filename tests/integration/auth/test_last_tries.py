"""A double tap at the last try before a pause: both taps get the same answer (ADR-0062)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx2
import pytest

from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, error_of, start_on
from tests.integration.auth.seeds import ALICE, seed
from tests.integration.auth.test_repeated_steps import Step, _login, _mfa, sent, tab_of
from tests.support.databases import migrated


@pytest.fixture
def provider(database_url: str, tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    database = migrated("auth", database_url)
    seed(database)
    database.dispose()
    running = start_on(database_url, tmp_path, clock)
    yield running
    stop(running)


def _wrong_password(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    return browser.open(), {"username": ALICE[0], "password": "a guess", "action": "sign-in"}


def _wrong_code(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    page, fields = _mfa(browser)
    return page, {**fields, "otp": "000000"}


LAST_TRIES: dict[str, tuple[Step, str]] = {
    "a right password": (_login, ""),
    "a right code": (_mfa, ""),
    "a wrong password": (_wrong_password, "The user name or the password is wrong."),
    "a wrong code": (_wrong_code, "The code is wrong or was used before."),
}


@pytest.mark.parametrize(("last", "said"), LAST_TRIES.values(), ids=LAST_TRIES)
def test_a_double_tap_at_the_last_try_before_a_pause_is_answered_twice_alike(
    provider: Provider, last: Step, said: str
) -> None:
    """The first tap is counted and blocks the next attempt; the second is none. A third is told to wait."""
    browser = provider.browser()
    page, fields = last(browser)
    for number in range(4):
        sent(browser, page, {**fields, **{name: f"guess {number}" for name in ("password", "otp") if name in fields}})
    taps, together = [tab_of(browser), tab_of(browser)], Barrier(2)

    def tap(tab: Browser) -> str:
        together.wait(timeout=10)
        answer = tab.follow(sent(tab, page, fields))
        return str(answer.headers.get("location") or error_of(answer))

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(tap, taps)
    assert first == second
    assert first == said if said else "code=" in first
    if said:
        blocked = tab_of(browser)
        assert error_of(blocked.follow(sent(blocked, page, fields))).startswith("Too many attempts.")
