"""Orders: what an order is, what it costs, and what may be done with one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.bearer import Owner, Reach
from shared.errors import NotFound
from shared.pagination import Cursor, Page

#: The largest integer that every JSON reader keeps exact (RFC 7493 s2.2); each amount and total stays within it.
MAX_INTEGER = 2**53 - 1
MAX_LINES = 200


class OrderStatus(StrEnum):
    """Where an order stands."""

    DRAFT = "draft"


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
    """What its owner says of an order; `customer_id` is a CRM contact's, which is not looked up here."""

    customer_id: UUID
    currency: str
    lines: tuple[OrderLine, ...]

    @property
    def total_minor(self) -> int:
        """What the order costs, in minor units of its currency."""
        return sum(line.total_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is kept."""

    id: UUID
    owner: Owner
    details: OrderDetails
    status: OrderStatus
    created_at: datetime
    updated_at: datetime


class OrderStore(Protocol):
    """Where orders are kept. Every read says how far it reaches; what lies beyond does not exist for it."""

    def add(self, order: Order) -> None:
        """Keep a new order with its lines, wholly or not at all."""

    def find(self, order_id: UUID, reach: Reach) -> Order | None:
        """Return the order, None if there is none within reach."""

    def page(self, reach: Reach, limit: int, after: Cursor | None) -> Page[Order]:
        """Return the orders within reach, newest first."""


def create_order(details: OrderDetails, owner: Owner, orders: OrderStore, now: datetime) -> Order:
    """Keep and return a new order, a draft."""
    order = Order(uuid7(), owner, details, OrderStatus.DRAFT, created_at=now, updated_at=now)
    orders.add(order)
    return order


def get_order(order_id: UUID, reach: Reach, orders: OrderStore) -> Order:
    """Return one order.

    Raises:
        NotFound: there is none within reach; a foreign one and one that never was look alike.
    """
    if (order := orders.find(order_id, reach)) is None:
        raise NotFound("No such order.")
    return order
