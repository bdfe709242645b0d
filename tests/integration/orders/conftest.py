"""Orders in this process, over HTTP, with a fake issuer and a clock that tests move."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from services.orders.app import create_app
from services.orders.settings import OrdersSettings
from shared.asgi import Edge
from shared.testing import FakeIssuer, SettableClock
from tests.support.calls import Call, calls
from tests.support.databases import migrated
from tests.support.scripted_suite import ScriptedSuite, scripted_suite


@pytest.fixture
def issuer(clock: SettableClock) -> FakeIssuer:
    return FakeIssuer(clock=clock)


@pytest.fixture
def suite() -> Iterator[ScriptedSuite]:
    """The provider's exchange and the CRM, over real HTTP: every contact is seen unless a test says otherwise."""
    with scripted_suite() as running:
        yield running


@pytest.fixture
def customers_timeout() -> timedelta:
    """Ample: the machine may be busy with other tests. Tests of the limit itself have their own."""
    return timedelta(seconds=30)


@pytest.fixture
def settings(tmp_path: Path, suite: ScriptedSuite, customers_timeout: timedelta) -> OrdersSettings:
    url = f"sqlite:///{tmp_path / 'orders.sqlite3'}"
    migrated("orders", url).dispose()
    return OrdersSettings(
        environment="local",
        data_dir=tmp_path,
        database_url=url,
        token_url=f"{suite.url}/token",
        crm_url=suite.url,
        customers_timeout=customers_timeout,
    )


@pytest.fixture
def client(settings: OrdersSettings, issuer: FakeIssuer) -> Iterator[TestClient]:
    app = create_app(settings, clock=issuer.clock, jwks_transport=issuer.transport())
    with TestClient(Edge(app)) as client:
        yield client


@pytest.fixture
def call(client: TestClient, issuer: FakeIssuer) -> Call:
    return calls(client, issuer)
