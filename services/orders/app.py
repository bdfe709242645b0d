"""Orders put together: where settings, storage and endpoints meet."""

import httpx2
from fastapi import APIRouter, FastAPI

from services.orders.endpoints.orders import READ, READ_ALL, WRITE, orders_router
from services.orders.settings import OrdersSettings
from services.orders.storage.orders import SqlOrders
from services.orders.storage.tables import idempotency_keys
from shared.clock import Clock
from shared.database import Database
from shared.idempotency import Idempotency, SqlIdempotencyKeys
from shared.resource_server import create_resource_server


def create_app(
    settings: OrdersSettings, *, clock: Clock | None = None, jwks_transport: httpx2.AsyncBaseTransport | None = None
) -> FastAPI:
    """Return the application; `clock` and `jwks_transport` let a test set the time and stand in for the issuer."""
    return create_resource_server(
        "orders",
        "Orders",
        settings,
        scopes=(READ, WRITE, READ_ALL),
        routes=_routes,
        clock=clock,
        jwks_transport=jwks_transport,
    )


def _routes(database: Database, clock: Clock) -> APIRouter:
    idempotency = Idempotency(SqlIdempotencyKeys(database, idempotency_keys), clock)
    return orders_router(SqlOrders(database), idempotency, clock)
