"""The CRM put together: where settings, storage and endpoints meet."""

import httpx2
from fastapi import APIRouter, FastAPI

from services.crm.endpoints.access import READ, READ_ALL, WRITE
from services.crm.endpoints.activities import activities_router
from services.crm.endpoints.companies import companies_router
from services.crm.endpoints.contact_files import contact_files_router
from services.crm.endpoints.contacts import contacts_router
from services.crm.settings import CrmSettings
from services.crm.storage.activities import SqlActivities
from services.crm.storage.companies import SqlCompanies
from services.crm.storage.contacts import SqlContacts
from services.crm.storage.tables import idempotency_keys
from services.crm.storage.upkeep import CrmUpkeep, teams_of
from shared.api.idempotency import Idempotency, SqlIdempotencyKeys
from shared.api.resource_server import create_resource_server
from shared.clock import Clock
from shared.database import Database


def create_app(
    settings: CrmSettings, *, clock: Clock | None = None, jwks_transport: httpx2.AsyncBaseTransport | None = None
) -> FastAPI:
    """Return the application; `clock` and `jwks_transport` let a test set the time and stand in for the issuer."""
    return create_resource_server(
        "crm",
        "CRM",
        settings,
        scopes=(READ, WRITE, READ_ALL),
        machine_scopes=(READ_ALL,),
        routes=_routes,
        teams=teams_of,
        upkeep=CrmUpkeep,
        clock=clock,
        jwks_transport=jwks_transport,
        files=("importContacts", "exportContacts"),
    )


def _routes(database: Database, clock: Clock) -> APIRouter:
    companies, contacts, activities = SqlCompanies(database), SqlContacts(database), SqlActivities(database)
    people = teams_of(database)
    idempotency = Idempotency(SqlIdempotencyKeys(database, idempotency_keys), clock)
    router = APIRouter()
    router.include_router(companies_router(companies, contacts, people, idempotency, clock))
    router.include_router(contact_files_router(contacts, companies, idempotency, clock))
    router.include_router(contacts_router(contacts, companies, people, idempotency, clock))
    router.include_router(activities_router(activities, contacts, companies, people, idempotency, clock))
    return router
