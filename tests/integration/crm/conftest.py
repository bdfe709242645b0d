"""The CRM in this process, over HTTP, with a fake issuer and a clock that tests move."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from services.crm.app import create_app
from services.crm.settings import CrmSettings
from shared.asgi import Edge
from shared.testing import FakeIssuer, SettableClock
from tests.support.calls import Call, calls
from tests.support.csv_files import Files
from tests.support.databases import migrated


@pytest.fixture
def issuer(clock: SettableClock) -> FakeIssuer:
    return FakeIssuer(clock=clock)


@pytest.fixture
def settings(tmp_path: Path) -> CrmSettings:
    url = f"sqlite:///{tmp_path / 'crm.sqlite3'}"
    migrated("crm", url).dispose()
    return CrmSettings(environment="local", data_dir=tmp_path, database_url=url)


@pytest.fixture
def client(settings: CrmSettings, issuer: FakeIssuer) -> Iterator[TestClient]:
    app = create_app(settings, clock=issuer.clock, jwks_transport=issuer.transport())
    with TestClient(Edge(app)) as client:
        yield client


@pytest.fixture
def call(client: TestClient, issuer: FakeIssuer) -> Call:
    return calls(client, issuer)


@pytest.fixture
def files(client: TestClient, issuer: FakeIssuer) -> Files:
    return Files(client, issuer)
