"""How often the hot paths wait for PostgreSQL; a round trip that is added fails here (house rule 4.5).

Each request is warmed up first: connections are open, statements prepared, registrations read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, code_of, start_on
from tests.integration.auth.seeds import PORTAL_SECRET, seed
from tests.support.databases import migrated
from tests.support.round_trips import RoundTrips, counted_round_trips

#: A first-party web client: it is answered from the session without a page, and authenticates by a secret.
PORTAL = {
    "client_id": "portal",
    "redirect_uri": "https://portal.company.localhost/callback?tenant=1",
    "scope": "openid offline_access crm:read",
}


def _authorize(browser: Browser) -> Any:
    return browser.authorize(**PORTAL)


def _redeem(provider: Provider, code: str) -> Any:
    own = {name: PORTAL[name] for name in ("client_id", "redirect_uri")}
    return provider.redeem(code, client_secret=PORTAL_SECRET, **own)


@dataclass
class Counted:
    """A provider on PostgreSQL, a browser with alice's session, and the counter between them and the database."""

    provider: Provider
    browser: Browser
    trips: RoundTrips

    def of(self, act: Any, *arguments: Any) -> tuple[int, Any]:
        """Return how many round trips `act` takes, and its result."""
        self.trips.reset()
        result = act(*arguments)
        return self.trips.count, result


@pytest.fixture
def counted(
    postgres_database_url: str, tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Counted]:
    monkeypatch.setattr("shared.database._TRUST_SECONDS", 3600.0)  # on a slow machine a pooled connection lies idle
    database = migrated("auth", postgres_database_url)
    seed(database)
    database.dispose()
    with counted_round_trips(postgres_database_url) as trips:
        provider = start_on(trips.url, tmp_path, clock)
        browser = provider.browser()
        browser.sign_in(**PORTAL)
        for _ in range(3):
            assert _redeem(provider, code_of(_authorize(browser))).status_code == 200
            provider.refresh(provider.sign_in()["refresh_token"])
            provider.machine()
        yield Counted(provider, browser, trips)
        stop(provider)


def test_an_authorization_from_a_session_takes_at_most_three(counted: Counted) -> None:
    count, answer = counted.of(_authorize, counted.browser)
    assert code_of(answer)
    assert count <= 3


def test_a_redemption_takes_at_most_four(counted: Counted) -> None:
    code = code_of(_authorize(counted.browser))
    count, answer = counted.of(_redeem, counted.provider, code)
    assert answer.status_code == 200
    assert count <= 4


def test_a_refresh_takes_one(counted: Counted) -> None:
    tokens = counted.provider.sign_in()
    count, answer = counted.of(counted.provider.refresh, tokens["refresh_token"])
    assert answer.status_code == 200
    assert count == 1


def test_client_credentials_take_none(counted: Counted) -> None:
    count, answer = counted.of(counted.provider.machine)
    assert answer.status_code == 200
    assert count == 0
