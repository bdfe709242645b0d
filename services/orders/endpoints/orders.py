"""/api/orders: add, read, list and edit; what is done with an order stands in `moves`.

In: JSON as OrderIn and OrderPatch; OrderQuery for lists. Out: JSON as OrderOut, OrderPage and HistoryPage.

Spec: RFC 7396, RFC 9110 s13.1.1; Policy: ADR-0013, ADR-0025, ADR-0026
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from services.orders.customers import Customers, UnknownCustomer
from services.orders.endpoints.access import (
    CONFLICT,
    CallersToken,
    Reader,
    Writer,
    reads,
)
from services.orders.endpoints.bodies import (
    ChangeOut,
    HistoryPage,
    OrderIn,
    OrderOut,
    OrderPage,
    OrderPatch,
    OrderQuery,
)
from services.orders.endpoints.moves import add_moves, add_reassigning
from services.orders.orders import ChangeRequest, OrderStore, create_order, edit_order, get_editable, get_order
from shared.api.entity_tags import CREATED, NOT_MODIFIED, TAGGED, IfMatch, IfNoneMatch, not_modified
from shared.api.history import Actor, HistoryQuery
from shared.api.idempotency import Answer, Attempt, Idempotency
from shared.api.new_owner import People
from shared.api.reach import owner_of_new_records, writes
from shared.api.route import ApiRoute
from shared.clock import Clock
from shared.errors import InvalidInput


def orders_router(
    orders: OrderStore, customers: Customers, people: People, idempotency: Idempotency, clock: Clock
) -> APIRouter:
    """Return the routes, on those stores."""
    router = APIRouter(prefix="/api/orders", route_class=ApiRoute, tags=["orders"])
    _add_reading(router, orders)
    _add_writing(router, orders, customers, idempotency, clock)
    add_moves(router, orders, idempotency, clock)
    add_reassigning(router, orders, people, idempotency, clock)
    return router


def _add_reading(router: APIRouter, orders: OrderStore) -> None:
    @router.get("", operation_id="listOrders", summary="List orders")
    async def list_orders(principal: Reader, query: Annotated[OrderQuery, Query()]) -> OrderPage:
        """List the orders within the caller's reach, newest first if nothing else is asked for."""
        listing, reach = query.listing(), reads(principal)
        after = query.after(listing, "orders", reach)

        def work() -> OrderPage:
            page = orders.page(reach, listing, query.limit, after)
            return OrderPage(items=[OrderOut.of(order) for order in page.items], next_cursor=page.next_cursor)

        return await run_in_threadpool(work)

    @router.get(
        "/{order_id}",
        operation_id="getOrder",
        summary="Read an order",
        response_model=OrderOut,
        responses={200: TAGGED, 304: NOT_MODIFIED},
    )
    async def get_one_order(
        principal: Reader, order_id: UUID, known: IfNoneMatch, response: Response
    ) -> OrderOut | Response:
        """Return one order within the caller's reach."""
        order = await run_in_threadpool(get_order, order_id, reads(principal), orders)
        response.headers["ETag"] = order.entity_tag
        return not_modified(order.entity_tag, known) or OrderOut.of(order)

    @router.get("/{order_id}/history", operation_id="listOrderHistory", summary="Read an order's history")
    async def list_history(principal: Reader, order_id: UUID, query: Annotated[HistoryQuery, Query()]) -> HistoryPage:
        """List every change of one order within the caller's reach: who, when, from where to where, and what."""
        reach = reads(principal)

        def work() -> HistoryPage:
            get_order(order_id, reach, orders)
            page = orders.history(order_id, reach, query.limit, query.before)
            return HistoryPage(items=[ChangeOut.of(change) for change in page.items], next_cursor=page.next_cursor)

        return await run_in_threadpool(work)


def _add_writing(
    router: APIRouter, orders: OrderStore, customers: Customers, idempotency: Idempotency, clock: Clock
) -> None:
    async def demand(customer_id: UUID, token: CallersToken) -> None:
        try:
            await customers.demand(customer_id, token.value)
        except UnknownCustomer as error:
            raise InvalidInput("no such contact", "body", "customer_id") from error

    @router.post(
        "",
        operation_id="createOrder",
        summary="Add an order",
        status_code=201,
        response_model=OrderOut,
        responses={201: CREATED},
    )
    async def post_order(principal: Writer, attempt: Attempt, body: OrderIn, token: CallersToken) -> Response:
        """Add an order that the caller owns, for a contact that they may see; it begins as a draft."""
        owner, actor = owner_of_new_records(principal), Actor.of(principal)

        def work() -> Answer:
            order = create_order(body.details(), owner, actor, orders, clock.now())
            location = f"{router.prefix}/{order.id}"
            return Answer.of(OrderOut.of(order), 201, Location=location, ETag=order.entity_tag)

        return await idempotency.answer(attempt, principal, work, before=lambda: demand(body.customer_id, token))

    @router.patch(
        "/{order_id}",
        operation_id="updateOrder",
        summary="Edit a draft",
        responses={200: TAGGED, 409: CONFLICT},
    )
    async def patch_order(
        principal: Writer, order_id: UUID, body: OrderPatch, if_match: IfMatch, token: CallersToken, response: Response
    ) -> OrderOut:
        """Change what is sent of a draft within the caller's reach (RFC 7396); the other members stay."""
        request = ChangeRequest(order_id, writes(principal), Actor.of(principal), if_match, clock.now())
        if body.new_customer is not None:
            # whose order it is comes first: nobody learns of a contact by way of an order that is not theirs
            order = await run_in_threadpool(get_editable, request, orders)
            if body.new_customer != order.details.customer_id:
                await demand(body.new_customer, token)
        order = await run_in_threadpool(edit_order, request, body.applied_to, orders)
        response.headers["ETag"] = order.entity_tag
        return OrderOut.of(order)
