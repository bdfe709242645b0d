"""POST /api/orders/{order_id}/{place,pay,ship,deliver,cancel,refund,owner}: what is done with an order.

In: no body, for `owner` OwnerIn; Idempotency-Key and If-Match, both optional. Out: JSON as OrderOut, or
409 that names the legal moves.

Spec: RFC 9470 (refund); Policy: ADR-0026, ADR-0013, ADR-0050
"""

from uuid import UUID

from fastapi import APIRouter, Response

from services.orders.endpoints.access import CONFLICT, REFUND_REQUIREMENTS, Writer
from services.orders.endpoints.bodies import OrderOut
from services.orders.lifecycle import RULES, Move
from services.orders.orders import ChangeRequest, OrderStore, get_order, move_order, reassign_order
from shared.api.entity_tags import TAGGED, IfMatch
from shared.api.history import Actor
from shared.api.idempotency import Answer, Attempt, Idempotency
from shared.api.new_owner import OwnerIn, People, member_of_team
from shared.api.reach import led_team, writes
from shared.clock import Clock

_STRONG = " Needs a second factor given in the last five minutes (RFC 9470); otherwise 401 says how to sign in anew."


def add_moves(router: APIRouter, orders: OrderStore, idempotency: Idempotency, clock: Clock) -> None:
    """Add a route for each move of the table."""
    for move in Move:
        _add_move(move, router, orders, idempotency, clock)


def _add_move(move: Move, router: APIRouter, orders: OrderStore, idempotency: Idempotency, clock: Clock) -> None:
    rule = RULES[move]
    sources = ", ".join(sorted(rule.sources))
    said = f"Bring an order within the caller's reach from {sources} to {rule.target}."

    @router.post(
        f"/{{order_id}}/{move}",
        operation_id=f"{move}Order",
        summary=f"{move.capitalize()} an order",
        description=said + (_STRONG if move is Move.REFUND else ""),
        response_model=OrderOut,
        responses={200: TAGGED, 409: CONFLICT},
        dependencies=REFUND_REQUIREMENTS if move is Move.REFUND else [],
    )
    async def post_move(principal: Writer, order_id: UUID, attempt: Attempt, if_match: IfMatch) -> Response:
        request = ChangeRequest(order_id, writes(principal), Actor.of(principal), if_match, clock.now())

        def work() -> Answer:
            order = move_order(request, move, orders)
            return Answer.of(OrderOut.of(order), ETag=order.entity_tag)

        def authorize() -> None:
            get_order(order_id, request.reach, orders)

        return await idempotency.answer(attempt, principal, work, authorize=authorize)


def add_reassigning(
    router: APIRouter, orders: OrderStore, people: People, idempotency: Idempotency, clock: Clock
) -> None:
    """Add the route by which a manager hands an order to another owner."""

    @router.post(
        "/{order_id}/owner",
        operation_id="reassignOrder",
        summary="Hand an order to another owner",
        response_model=OrderOut,
        responses={200: TAGGED},
    )
    async def post_owner(
        principal: Writer, order_id: UUID, body: OwnerIn, attempt: Attempt, if_match: IfMatch
    ) -> Response:
        """Hand an order within a manager's reach to a member of the team, wherever it stands."""
        led_team(principal)
        request = ChangeRequest(order_id, writes(principal), Actor.of(principal), if_match, clock.now())

        def work() -> Answer:
            order = reassign_order(request, member_of_team(body, principal, people), orders)
            return Answer.of(OrderOut.of(order), ETag=order.entity_tag)

        def authorize() -> None:
            get_order(order_id, request.reach, orders)

        return await idempotency.answer(attempt, principal, work, authorize=authorize)
