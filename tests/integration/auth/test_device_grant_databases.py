"""The device grant where the database decides, on both: polls, one redemption, the first of two answers (RFC 8628)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, claims_of, oauth_error, start_on
from tests.integration.auth.seeds import CRM, seed
from tests.integration.auth.test_device_grant import SCOPE, allow, ask, enter, fetch, press
from tests.support.databases import migrated


@pytest.fixture
def provider(database_url: str, tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    database = migrated("auth", database_url)
    seed(database)
    database.dispose()
    running = start_on(database_url, tmp_path, clock)
    yield running
    stop(running)


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


@pytest.mark.requirement("RFC8628-3.5")
def test_a_person_allows_a_device_that_is_then_signed_in(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    assert device["verification_uri"] == "http://localhost:9000/device"
    assert device["verification_uri_complete"] == f"http://localhost:9000/device?user_code={device['user_code']}"
    assert (device["expires_in"], device["interval"]) == (300, 5)
    assert oauth_error(fetch(provider, device)) == "authorization_pending"
    done = allow(browser, device)
    assert 'id="device-connected"' in done.text
    provider.clock.advance(seconds=5)
    tokens = fetch(provider, device)
    assert tokens.status_code == 200, tokens.text
    claims = claims_of(tokens.json()["access_token"])
    assert claims["aud"] == [CRM]
    assert set(tokens.json()["scope"].split()) == set(SCOPE.split())
    assert provider.refresh(tokens.json()["refresh_token"]).status_code == 200
    assert "device_allowed" in provider.events()


@pytest.mark.requirement("RFC8628-3.5")
def test_a_device_that_asks_too_often_is_slowed_down_in_every_process(provider: Provider) -> None:
    device, other = ask(provider), provider.restarted()
    assert oauth_error(fetch(provider, device)) == "authorization_pending"
    provider.clock.advance(seconds=4)
    assert oauth_error(fetch(other, device)) == "slow_down"
    provider.clock.advance(seconds=6)
    assert oauth_error(fetch(provider, device)) == "slow_down"  # the interval is ten seconds by now, and grows again
    provider.clock.advance(seconds=15)
    assert oauth_error(fetch(other, device)) == "authorization_pending"
    stop(other)


def test_polls_at_once_get_one_family(provider: Provider, browser: Browser) -> None:
    device = ask(provider)
    allow(browser, device)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fetch(provider, device), range(8)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    assert {oauth_error(answer) for answer in answers if answer.status_code != 200} == {"invalid_grant"}
    assert provider.refresh(good[0]["refresh_token"]).status_code == 200


def test_two_people_who_allow_one_device_let_in_the_first_alone(provider: Provider, browser: Browser) -> None:
    device, late = ask(provider), provider.browser()
    page = late.enter_password(enter(late, device["user_code"]), ("carol", "carol-keeps-the-books"))
    allow(browser, device)
    assert 'id="device-refused"' in press(late, page, "continue").text
    claims = claims_of(fetch(provider, device).json()["access_token"])
    assert claims["sub"].endswith("a11")
