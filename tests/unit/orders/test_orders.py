from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from services.orders.endpoints.orders import CURRENCIES
from services.orders.orders import Order, OrderDetails, OrderLine, OrderStatus, create_order, get_order
from shared.bearer import Owner, Reach
from shared.errors import NotFound
from shared.pagination import Cursor, Page

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ALICE = Owner("alice", "sales")
DETAILS = OrderDetails(uuid4(), "EUR", (OrderLine("Teapot", 2, 2450), OrderLine("Cups", 12, 390)))


class OrdersInMemory:
    """Keeps orders, and shows whom a reach names their own alone."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Order] = {}

    def add(self, order: Order) -> None:
        self.kept[order.id] = order

    def find(self, order_id: UUID, reach: Reach) -> Order | None:
        found = self.kept.get(order_id)
        return found if found is not None and found.owner.subject == reach.subject else None

    def page(self, reach: Reach, limit: int, after: Cursor | None) -> Page[Order]:
        raise NotImplementedError


def test_the_total_is_the_sum_of_the_lines() -> None:
    assert DETAILS.total_minor == 9580


def test_a_new_order_is_a_draft_and_its_makers() -> None:
    orders = OrdersInMemory()
    made = create_order(DETAILS, ALICE, orders, NOON)
    assert (made.owner, made.status, made.created_at, made.updated_at) == (ALICE, OrderStatus.DRAFT, NOON, NOON)
    assert get_order(made.id, Reach(subject="alice"), orders) == made


def test_what_is_beyond_reach_is_not_found() -> None:
    orders = OrdersInMemory()
    made = create_order(DETAILS, ALICE, orders, NOON)
    with pytest.raises(NotFound):
        get_order(made.id, Reach(subject="bob"), orders)


def test_currencies_are_codes_in_use() -> None:
    assert {"EUR", "USD", "JPY", "KWD", "GBP"} <= CURRENCIES
    assert not {"XXX", "XTS", "XAU", "DEM", "HRK"} & CURRENCIES
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
