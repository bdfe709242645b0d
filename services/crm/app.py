"""The CRM put together: the one place where settings, storage and endpoints meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2
from fastapi import FastAPI

from services.crm.endpoints.contacts import READ, READ_ALL, WRITE, contacts_router
from services.crm.settings import CrmSettings
from services.crm.storage.contacts import SqlContacts
from shared.bearer import AccessTokenVerifier, JwksCache, ProtectedApi, install_bearer
from shared.clock import Clock
from shared.database import Database
from shared.health import health_router
from shared.problem_details import install_problem_details


def create_app(
    settings: CrmSettings, *, clock: Clock | None = None, jwks_transport: httpx2.AsyncBaseTransport | None = None
) -> FastAPI:
    """Return the CRM; `clock` and `jwks_transport` let a test set the time and stand in for the issuer."""
    clock = clock or settings.clock()
    database = Database(settings.database("crm"))
    last_good = settings.data_dir / "crm.jwks.json"
    jwks = JwksCache(settings.keys_url, clock, last_good=last_good, transport=jwks_transport)
    verifier = AccessTokenVerifier(settings.access_token_rules(), jwks, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warm_up = asyncio.create_task(jwks.warm_up())
        yield
        warm_up.cancel()
        with suppress(asyncio.CancelledError):
            await warm_up
        database.dispose()

    def ready() -> None:
        database.ping()
        jwks.ready()

    app = FastAPI(
        title="CRM",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page loads its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # it would build the address from the Host header
    )
    install_problem_details(app)
    scopes = (READ, WRITE, READ_ALL)
    install_bearer(app, ProtectedApi("crm", settings.audience, settings.issuer, scopes, verifier))
    app.include_router(contacts_router(SqlContacts(database), clock))
    app.include_router(health_router(ready))
    return app
