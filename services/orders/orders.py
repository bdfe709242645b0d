"""Orders: what an order is, what it costs, and what may be done with one.

Policy: ADR-0026. A change is one conditional UPDATE: of two at once the second finds another order than it had read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from services.orders.history import Change
from services.orders.lifecycle import EDITABLE, RULES, Move, OrderStatus, illegal_move
from shared.api.entity_tags import Precondition, record_tag
from shared.api.history import Actor, differences
from shared.api.listing import Listing
from shared.api.pagination import Cursor, Page
from shared.api.reach import Owner, Reach
from shared.errors import Conflict, NotFound
from shared.problem_codes import ProblemCode

#: The largest integer that every JSON reader keeps exact (RFC 7493 s2.2); each amount and total stays within it.
MAX_INTEGER = 2**53 - 1
MAX_LINES = 200
#: How often an edit is tried again when others change the same draft meanwhile.
_EDITS = 5


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One thing that is ordered; the price of one, in minor units of the order's currency."""

    description: str
    quantity: int
    unit_price_minor: int

    @property
    def total_minor(self) -> int:
        """What the line costs, in minor units."""
        return self.quantity * self.unit_price_minor


@dataclass(frozen=True, slots=True)
class OrderDetails:
    """What its owner says of an order; `customer_id` is a CRM contact's."""

    customer_id: UUID
    currency: str
    lines: tuple[OrderLine, ...]

    @property
    def total_minor(self) -> int:
        """What the order costs, in minor units of its currency."""
        return sum(line.total_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is kept; `version` counts its changes."""

    id: UUID
    owner: Owner
    details: OrderDetails
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def entity_tag(self) -> str:
        """Names this state of the order."""
        return record_tag(self.version, self.updated_at)


class OrderStore(Protocol):
    """Where orders are kept. Every method says how far it reaches; what lies beyond does not exist for it."""

    def add(self, order: Order, change: Change) -> None:
        """Keep a new order with its lines and the first line of its history, wholly or not at all."""

    def find(self, order_id: UUID, reach: Reach) -> Order | None:
        """Return the order, None if there is none within reach."""

    def page(self, reach: Reach, listing: Listing, limit: int, after: Cursor | None) -> Page[Order]:
        """Return at most `limit` orders of the listing."""

    def history(self, order_id: UUID, reach: Reach, limit: int, before: int | None) -> Page[Change]:
        """Return changes of the order, the last first; `before` is the version that the page before ended with."""

    def move(self, order: Order, change: Change, reach: Reach, *, exactly: bool) -> Order | None:
        """Bring the order to the change's status if it still has the status that was read, and remember the change.

        `exactly`: and if it is still the version that was read. None: it is another by now, or beyond reach.
        """

    def reassign(self, order: Order, owner: Owner, change: Change, reach: Reach) -> Order | None:
        """Give the order this owner if it is still the version that was read, and remember the change.

        None: it is another by now, or beyond reach.
        """

    def edit(self, order: Order, details: OrderDetails, change: Change, reach: Reach) -> Order | None:
        """Give the order these details if it is still the version that was read, and remember the change.

        None: it is another by now, or beyond reach.
        """


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """One change that a caller asks for: who, how far they reach, what they have seen, and when."""

    order_id: UUID
    reach: Reach
    actor: Actor
    if_match: Precondition
    now: datetime


def create_order(details: OrderDetails, owner: Owner, actor: Actor, orders: OrderStore, now: datetime) -> Order:
    """Keep and return a new order, a draft."""
    order = Order(uuid7(), owner, details, OrderStatus.DRAFT, created_at=now, updated_at=now)
    orders.add(order, Change(order.version, now, actor, "create", None, order.status, changes_between(None, details)))
    return order


def get_order(order_id: UUID, reach: Reach, orders: OrderStore) -> Order:
    """Return one order.

    Raises:
        NotFound: there is none within reach; a foreign one and one that never was look alike.
    """
    if (order := orders.find(order_id, reach)) is None:
        raise NotFound("No such order.")
    return order


def get_editable(request: ChangeRequest, orders: OrderStore) -> Order:
    """Return the order if it may be edited now.

    Raises:
        NotFound: as `get_order` says.
        PreconditionFailed: If-Match names another state of it.
        Conflict: it is not a draft any more.
    """
    order = get_order(request.order_id, request.reach, orders)
    request.if_match.demand(order.entity_tag)
    if order.status is not EDITABLE:
        raise illegal_move(order.status, "editing")
    return order


def edit_order(request: ChangeRequest, said: Callable[[OrderDetails], OrderDetails], orders: OrderStore) -> Order:
    """Change what is said of a draft; saying the same again changes nothing, the entity tag neither.

    Raises: as `get_editable` does.
    """
    for _ in range(_EDITS):
        order = get_editable(request, orders)
        details = said(order.details)
        if details == order.details:
            return order
        what = changes_between(order.details, details)
        change = Change(order.version + 1, request.now, request.actor, "edit", order.status, order.status, what)
        if (edited := orders.edit(order, details, change, request.reach)) is not None:
            return edited
    raise Conflict("The order is being changed by others: send it again.", ProblemCode.CHANGED_MEANWHILE)


def move_order(request: ChangeRequest, move: Move, orders: OrderStore) -> Order:
    """Move an order on; of two moves at once from one status, one is made and the other refused.

    Raises:
        NotFound: as `get_order` says.
        PreconditionFailed: If-Match names another state of it.
        Conflict: the move does not lead on from where the order stands; it says which do.
    """
    order = get_order(request.order_id, request.reach, orders)
    request.if_match.demand(order.entity_tag)
    rule = RULES[move]
    if order.status not in rule.sources:
        raise illegal_move(order.status, move)
    change = Change(order.version + 1, request.now, request.actor, move, order.status, rule.target)
    moved = orders.move(order, change, request.reach, exactly=request.if_match.sent)
    if moved is None:  # another change came first
        order = get_order(request.order_id, request.reach, orders)
        request.if_match.demand(order.entity_tag)
        raise illegal_move(order.status, move)
    return moved


def reassign_order(request: ChangeRequest, owner: Owner, orders: OrderStore) -> Order:
    """Hand the order to another owner, wherever it stands; one that is theirs already stays as it is.

    Raises:
        NotFound: as `get_order` says.
        PreconditionFailed: If-Match names another state of it.
    """
    for _ in range(_EDITS):
        order = get_order(request.order_id, request.reach, orders)
        request.if_match.demand(order.entity_tag)
        if order.owner == owner:
            return order
        what = owner_changes(order.owner, owner)
        change = Change(order.version + 1, request.now, request.actor, "reassign", order.status, order.status, what)
        if (handed := orders.reassign(order, owner, change, request.reach)) is not None:
            return handed
    raise Conflict("The order is being changed by others: send it again.", ProblemCode.CHANGED_MEANWHILE)


def owner_changes(before: Owner, after: Owner) -> dict[str, Any]:
    """Return what of the owner differs, as it was and as it is."""
    old = {"owner_sub": before.subject, "owner_team": before.team}
    return differences(old, {"owner_sub": after.subject, "owner_team": after.team})


def changes_between(before: OrderDetails | None, after: OrderDetails) -> dict[str, Any]:
    """Return each member that differs, as it was (None: there was none) and as it is; of lines those that differ."""
    if before is None:
        told = {"customer_id": str(after.customer_id), "currency": after.currency, "lines": [*map(_told, after.lines)]}
        return {name: {"from": None, "to": value} for name, value in told.items()}
    changes: dict[str, Any] = {}
    if before.customer_id != after.customer_id:
        changes["customer_id"] = {"from": str(before.customer_id), "to": str(after.customer_id)}
    if before.currency != after.currency:
        changes["currency"] = {"from": before.currency, "to": after.currency}
    if before.lines != after.lines:
        changes["lines"] = _line_changes(before.lines, after.lines)
    return changes


def _line_changes(before: tuple[OrderLine, ...], after: tuple[OrderLine, ...]) -> dict[str, Any]:
    """Return the lines that differ, each with its position (from 1 on): those that went, and those that came.

    What begins and ends alike is left out, and of as many lines in between those that stayed.
    """
    most = min(len(before), len(after))
    start = next((place for place in range(most) if before[place] != after[place]), most)
    most -= start
    end = next((place for place in range(most) if before[-1 - place] != after[-1 - place]), most)
    places = range(start, len(before) - end), range(start, len(after) - end)
    if len(places[0]) == len(places[1]):
        stayed = {place for place in places[0] if before[place] == after[place]}
        went, came = ([place for place in one if place not in stayed] for one in places)
    else:
        went, came = map(list, places)
    return {
        "from": [{"position": place + 1, **_told(before[place])} for place in went],
        "to": [{"position": place + 1, **_told(after[place])} for place in came],
    }


def _told(line: OrderLine) -> dict[str, Any]:
    return {"description": line.description, "quantity": line.quantity, "unit_price_minor": line.unit_price_minor}


def as_changed(order: Order, change: Change, version: int, details: OrderDetails | None = None) -> Order:
    """Return the order as the change left it."""
    return replace(
        order, status=change.to_status, details=details or order.details, updated_at=change.at, version=version
    )
