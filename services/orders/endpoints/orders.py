"""/api/orders.

In: JSON as OrderIn; `limit` and `cursor` for lists. Out: JSON as OrderOut and OrderPage, times in UTC, money in
minor units (cents) of the order's currency.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StringConstraints, model_validator
from starlette.concurrency import run_in_threadpool

from services.orders.orders import (
    MAX_INTEGER,
    MAX_LINES,
    Order,
    OrderDetails,
    OrderLine,
    OrderStatus,
    OrderStore,
    create_order,
    get_order,
)
from shared.bearer import Principal, ProtectedRoute, owner_of_new_records, reach_of, require_scope
from shared.clock import Clock
from shared.idempotency import Answer, Attempt, Idempotency
from shared.pagination import PageQuery

READ, WRITE, READ_ALL = "orders:read", "orders:write", "orders:read:all"

# ISO 4217, List One, as of January 2026: the currencies in use, without funds, metals and test codes.
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU
    UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - one block can be held against the published list, 155 strings cannot
)


def _in_use(currency: str) -> str:
    if currency not in CURRENCIES:
        raise ValueError("no currency of ISO 4217")
    return currency


# Without NUL, which PostgreSQL cannot store in text.
Description = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$")
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_in_use)]

Reader = Annotated[Principal, Depends(require_scope(READ, READ_ALL))]
Writer = Annotated[Principal, Depends(require_scope(WRITE))]


class Line(BaseModel):
    """One line of an order."""

    model_config = ConfigDict(extra="forbid")

    description: Description
    quantity: StrictInt = Field(ge=1, le=MAX_INTEGER)
    unit_price_minor: StrictInt = Field(ge=0, le=MAX_INTEGER)


class OrderIn(BaseModel):
    """What a caller may say of an order; owner, status, total and times are not theirs to say."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID = Field(description="The id of a CRM contact.")
    currency: Currency
    lines: list[Line] = Field(min_length=1, max_length=MAX_LINES)

    @model_validator(mode="after")
    def _total_is_exact(self) -> "OrderIn":
        if self.details().total_minor > MAX_INTEGER:
            raise ValueError("the total is too large")
        return self

    def details(self) -> OrderDetails:
        """Return it as the domain has it."""
        lines = (OrderLine(line.description, line.quantity, line.unit_price_minor) for line in self.lines)
        return OrderDetails(self.customer_id, self.currency, tuple(lines))


class OrderOut(BaseModel):
    """An order as it is answered."""

    id: UUID
    customer_id: UUID
    currency: str
    lines: list[Line]
    total_minor: int
    status: OrderStatus
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: Order) -> "OrderOut":
        """Return the order without what is ours alone."""
        details = order.details
        lines = [
            Line.model_construct(
                description=line.description, quantity=line.quantity, unit_price_minor=line.unit_price_minor
            )
            for line in details.lines
        ]
        return cls(
            id=order.id,
            customer_id=details.customer_id,
            currency=details.currency,
            lines=lines,
            total_minor=details.total_minor,
            status=order.status,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


class OrderPage(BaseModel):
    """Orders, newest first."""

    items: list[OrderOut]
    next_cursor: str | None


def orders_router(orders: OrderStore, idempotency: Idempotency, clock: Clock) -> APIRouter:
    """Return the routes, on that store."""
    router = APIRouter(prefix="/api/orders", route_class=ProtectedRoute, tags=["orders"])

    @router.get("", operation_id="listOrders")
    async def list_orders(principal: Reader, query: Annotated[PageQuery, Query()]) -> OrderPage:
        """List the orders within the caller's reach, newest first."""
        reach = reach_of(principal, all_records=READ_ALL)
        page = await run_in_threadpool(orders.page, reach, query.limit, query.after)
        return OrderPage(items=[OrderOut.of(order) for order in page.items], next_cursor=page.next_cursor)

    @router.post("", operation_id="createOrder", status_code=201, response_model=OrderOut)
    async def post_order(principal: Writer, attempt: Attempt, body: OrderIn) -> Response:
        """Add an order that the caller owns; it begins as a draft."""
        owner = owner_of_new_records(principal)

        def work() -> Answer:
            order = create_order(body.details(), owner, orders, clock.now())
            return Answer.of(OrderOut.of(order), 201, Location=f"{router.prefix}/{order.id}")

        return await idempotency.answer(attempt, principal, work)

    @router.get("/{order_id}", operation_id="getOrder")
    async def get_one_order(principal: Reader, order_id: UUID) -> OrderOut:
        """Return one order within the caller's reach."""
        reach = reach_of(principal, all_records=READ_ALL)
        return OrderOut.of(await run_in_threadpool(get_order, order_id, reach, orders))

    return router
