"""POST /api/orders/{order_id}/{place,pay,ship,deliver,cancel,refund}: what is done with an order.

In: no body; Idempotency-Key and If-Match, both optional. Out: JSON as OrderOut, or 409 that names the legal moves.

Spec: RFC 9470 (refund); Policy: ADR-0026, ADR-0013
"""

from uuid import UUID

from fastapi import APIRouter, Response

from services.orders.endpoints.access import CONFLICT, REFUND_REQUIREMENTS, Writer
from services.orders.endpoints.bodies import OrderOut
from services.orders.lifecycle import RULES, Move
from services.orders.orders import ChangeRequest, OrderStore, get_order, move_order
from shared.api.entity_tags import TAGGED, IfMatch
from shared.api.history import Actor
from shared.api.idempotency import Answer, Attempt, Idempotency
from shared.api.reach import writes
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
