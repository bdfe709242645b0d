"""Orders put together: where settings, storage and endpoints meet."""

import httpx2
from fastapi import APIRouter, FastAPI

from services.orders.customers import Customers
from services.orders.customers.breaker import CircuitBreaker
from services.orders.customers.crm import CrmCustomers
from services.orders.customers.exchange import ExchangeClient, TokenExchange
from services.orders.customers.fetch import open_client
from services.orders.endpoints.access import READ, READ_ALL, WRITE
from services.orders.endpoints.orders import orders_router
from services.orders.settings import OrdersSettings
from services.orders.storage.orders import SqlOrders
from services.orders.storage.tables import idempotency_keys
from services.orders.storage.upkeep import OrderUpkeep, teams_of
from shared.api.idempotency import Idempotency, SqlIdempotencyKeys
from shared.api.resource_server import create_resource_server
from shared.clock import Clock
from shared.database import Database

#: What this service needs at the CRM, and asks for when it trades a token.
CRM_SCOPE = "crm:read"


def create_app(
    settings: OrdersSettings,
    *,
    clock: Clock | None = None,
    jwks_transport: httpx2.AsyncBaseTransport | None = None,
    customers_transport: httpx2.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Return the application.

    `clock` and the transports let a test set the time and stand in for the issuer, and for provider and CRM.
    """
    http = open_client(settings.customers_timeout, customers_transport)

    def routes(database: Database, clock: Clock) -> APIRouter:
        idempotency = Idempotency(SqlIdempotencyKeys(database, idempotency_keys), clock)
        customers = _customers(settings, http, clock)
        return orders_router(SqlOrders(database), customers, teams_of(database), idempotency, clock)

    return create_resource_server(
        "orders",
        "Orders",
        settings,
        scopes=(READ, WRITE, READ_ALL),
        machine_scopes=(READ_ALL,),
        routes=routes,
        teams=teams_of,
        upkeep=OrderUpkeep,
        clock=clock,
        jwks_transport=jwks_transport,
        opened=(http,),
    )


def _customers(settings: OrdersSettings, http: httpx2.AsyncClient, clock: Clock) -> Customers:
    client = ExchangeClient(
        token_url=settings.exchange_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        resource=settings.crm_audience,
        scope=CRM_SCOPE,
        timeout=settings.customers_timeout,
    )
    exchange = TokenExchange(client, http, CircuitBreaker("auth", clock), clock)
    breaker = CircuitBreaker("crm", clock)
    return CrmCustomers(settings.customers_url, exchange, http, breaker, settings.customers_timeout)
