"""The two resource APIs as one kind of thing, for tests that hold for both: started in this process."""

import json as jsonlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from starlette.testclient import TestClient

from services.crm.app import create_app as create_crm
from services.crm.settings import CrmSettings
from services.orders.app import create_app as create_orders
from services.orders.settings import OrdersSettings
from shared.asgi import Edge
from shared.testing import ALICE, BOB, FakeIssuer, SettableClock
from tests.support.databases import migrated
from tests.support.scripted_suite import scripted_suite

SERVICES = ("crm", "orders")
#: Two people who share nothing: another team, no role.
ALICES: Mapping[str, Any] = {"sub": ALICE, "groups": ["sales"]}
# with a second factor just given: a refund is refused for whose order it is, not for how he signed in
BOBS: Mapping[str, Any] = {"sub": BOB, "groups": ["support"], "acr": "urn:company:acr:mfa"}
UNKNOWN = "0190a1b0-0000-7000-8000-00000000ffff"
#: Stands in every record that `seed` makes: where it shows up, that record was seen.
MARK = "Jabberwock"


@dataclass(frozen=True)
class Api:
    """One of the APIs, running."""

    name: str
    app: FastAPI
    client: TestClient
    issuer: FakeIssuer
    #: Makes another application on the same database, to be run on another event loop.
    another: Callable[[], FastAPI]
    #: The records that `seed` has made: their addresses.
    seeded: list[str] = field(default_factory=list)

    def headers(self, claims: Mapping[str, Any]) -> dict[str, str]:
        """Return the headers of a caller with these claims."""
        scope = claims.get("scope", f"{self.name}:read {self.name}:write")
        return {"Authorization": f"Bearer {self.issuer.access_token(**{**claims, 'scope': scope})}"}

    def call(
        self,
        claims: Mapping[str, Any],
        method: str,
        path: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Send one request as a caller with these claims."""
        sent = {**self.headers(claims), **(headers or {})}
        content = None
        if json is not None:
            content = jsonlib.dumps(json)
            sent.setdefault("Content-Type", "application/json")
        return self.client.request(method, path, content=content, headers=sent)

    @property
    def lists(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """The address of each list, and a body that makes a record in it (as alice: it may name her records)."""
        if self.name == "orders":
            lines = [{"description": f"{MARK} trap", "quantity": 2, "unit_price_minor": 100}]
            return {"/api/orders": lambda: {"customer_id": UNKNOWN, "currency": "EUR", "lines": lines}}
        return {
            "/api/companies": lambda: {"name": f"{MARK} & Sons", "domain": "jabberwock.example"},
            "/api/contacts": lambda: {"name": f"{MARK} Hunter", "email": "hunter@jabberwock.example"},
            "/api/activities": lambda: {"kind": "note", "subject": MARK, "contact_id": self.ids("/api/contacts")[0]},
        }

    def ids(self, path: str, claims: Mapping[str, Any] = ALICES) -> list[str]:
        """Return the ids of that list, as the caller sees it."""
        return [item["id"] for item in self.call(claims, "GET", f"{path}?limit=200").json()["items"]]

    def seed(self, claims: Mapping[str, Any] = ALICES, count: int = 3) -> None:
        """Make records of each kind."""
        for path, body in self.lists.items():
            for _ in range(count):
                made = self.call(claims, "POST", path, body())
                assert made.status_code == 201, made.text
                self.seeded.append(made.headers["Location"])

    def kept(self) -> dict[str, tuple[Any, str | None]]:
        """Return what the seeded records say now, and their entity tags, as alice sees them."""
        read = {at: self.call(ALICES, "GET", at) for at in self.seeded}
        return {at: (answer.json(), answer.headers.get("ETag")) for at, answer in read.items()}


@contextmanager
def running_api(
    name: str, directory: Path, url: str | None = None, settings: Mapping[str, Any] | None = None
) -> Iterator[Api]:
    """Start an API on an empty database: the one at `url`, else an SQLite file in `directory`."""
    url = url or f"sqlite:///{directory / f'{name}.sqlite3'}"
    migrated(name, url).dispose()
    issuer = FakeIssuer(clock=SettableClock())
    given: dict[str, Any] = {"environment": "local", "data_dir": directory, "database_url": url, **(settings or {})}
    with scripted_suite() as suite:  # for orders: the provider's exchange and a CRM that shows every contact
        addresses: dict[str, Any] = {"token_url": f"{suite.url}/token", "crm_url": suite.url}

        def made() -> FastAPI:
            transport = issuer.transport()
            if name == "crm":
                return create_crm(CrmSettings(**given), clock=issuer.clock, jwks_transport=transport)
            return create_orders(OrdersSettings(**given, **addresses), clock=issuer.clock, jwks_transport=transport)

        app = made()
        with TestClient(Edge(app), raise_server_exceptions=False) as client:
            yield Api(name, app, client, issuer, made)
