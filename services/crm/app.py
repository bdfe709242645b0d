"""The CRM put together: where settings, storage and endpoints meet."""

import httpx2
from fastapi import FastAPI

from services.crm.endpoints.contacts import READ, READ_ALL, WRITE, contacts_router
from services.crm.settings import CrmSettings
from services.crm.storage.contacts import SqlContacts
from shared.clock import Clock
from shared.resource_server import create_resource_server


def create_app(
    settings: CrmSettings, *, clock: Clock | None = None, jwks_transport: httpx2.AsyncBaseTransport | None = None
) -> FastAPI:
    """Return the application; `clock` and `jwks_transport` let a test set the time and stand in for the issuer."""
    return create_resource_server(
        "crm",
        "CRM",
        settings,
        scopes=(READ, WRITE, READ_ALL),
        routes=lambda database, clock: contacts_router(SqlContacts(database), clock),
        clock=clock,
        jwks_transport=jwks_transport,
    )
