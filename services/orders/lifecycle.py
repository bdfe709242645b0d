"""Where an order can stand, and which moves lead from where to where: one table.

    draft -place-> placed -pay-> paid -ship-> shipped -deliver-> delivered
    draft, placed -cancel-> cancelled            no money has been taken yet
    paid, shipped, delivered -refund-> refunded  it has

Policy: ADR-0026
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.errors import Conflict
from shared.problem_codes import ProblemCode


class OrderStatus(StrEnum):
    """Where an order stands."""

    DRAFT = "draft"
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Move(StrEnum):
    """What may be done with an order, apart from editing a draft; spelled as in its address."""

    PLACE = "place"
    PAY = "pay"
    SHIP = "ship"
    DELIVER = "deliver"
    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Rule:
    """From where a move may start, and where it ends."""

    sources: frozenset[OrderStatus]
    target: OrderStatus


def _rule(target: OrderStatus, *sources: OrderStatus) -> Rule:
    return Rule(frozenset(sources), target)


RULES = {
    Move.PLACE: _rule(OrderStatus.PLACED, OrderStatus.DRAFT),
    Move.PAY: _rule(OrderStatus.PAID, OrderStatus.PLACED),
    Move.SHIP: _rule(OrderStatus.SHIPPED, OrderStatus.PAID),
    Move.DELIVER: _rule(OrderStatus.DELIVERED, OrderStatus.SHIPPED),
    Move.CANCEL: _rule(OrderStatus.CANCELLED, OrderStatus.DRAFT, OrderStatus.PLACED),
    Move.REFUND: _rule(OrderStatus.REFUNDED, OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.DELIVERED),
}

#: The one status in which customer, currency and lines may still change.
EDITABLE = OrderStatus.DRAFT


def legal_moves(status: OrderStatus) -> list[Move]:
    """Return the moves that lead on from there, in the order of the table; none from an end."""
    return [move for move, rule in RULES.items() if status in rule.sources]


def illegal_move(status: OrderStatus, wanted: str) -> Conflict:
    """Return the refusal of what cannot be done from there; it says what can."""
    legal = legal_moves(status)
    ways = f"possible: {', '.join(legal)}" if legal else "nothing more can be done with it"
    detail = f"The order is {status}: {wanted} is not possible; {ways}."
    return Conflict(detail, ProblemCode.ILLEGAL_MOVE, order_status=status, legal_moves=legal)
