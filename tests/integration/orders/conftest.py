"""Orders in this process, over HTTP, with a fake issuer and a clock that tests move."""

import json as jsonlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
from starlette.testclient import TestClient

from services.orders.app import create_app
from services.orders.settings import OrdersSettings
from shared.asgi import Edge
from shared.testing import FakeIssuer, SettableClock
from tests.support.databases import migrated
from tests.support.scripted_suite import ScriptedSuite, scripted_suite

Headers = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]


class Call(Protocol):
    """Sends one request; what is not named is a claim of its token (alice's, if nothing is said)."""

    def __call__(
        self, method: str, path: str, *, json: Any = None, headers: Headers = (), **claims: Any
    ) -> httpx2.Response: ...


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
    def send(method: str, path: str, *, json: Any = None, headers: Headers = (), **claims: Any) -> httpx2.Response:
        sent = {"Authorization": f"Bearer {issuer.access_token(**claims)}", "Content-Type": "application/json"}
        added = headers.items() if isinstance(headers, Mapping) else headers
        content = jsonlib.dumps(json) if method in {"POST", "PATCH"} else None
        return client.request(method, path, content=content, headers=[*sent.items(), *added])

    return send
