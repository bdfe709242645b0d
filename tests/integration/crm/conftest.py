"""The CRM in this process, over HTTP, with a fake issuer and a clock that tests move."""

import json as jsonlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
from starlette.testclient import TestClient

from services.crm.app import create_app
from services.crm.settings import CrmSettings
from shared.asgi import Edge
from shared.testing import FakeIssuer, SettableClock
from tests.support.databases import migrated


class Call(Protocol):
    """Sends one request; what is not named is a claim of its token (alice's, if nothing is said)."""

    def __call__(
        self, method: str, path: str, *, json: Any = None, headers: dict[str, str] | None = None, **claims: Any
    ) -> httpx2.Response: ...


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
    def send(
        method: str, path: str, *, json: Any = None, headers: dict[str, str] | None = None, **claims: Any
    ) -> httpx2.Response:
        sent = {"Authorization": f"Bearer {issuer.access_token(**claims)}", "Content-Type": "application/json"}
        content = jsonlib.dumps(json) if method in {"POST", "PATCH"} else None
        return client.request(method, path, content=content, headers={**sent, **(headers or {})})

    return send
