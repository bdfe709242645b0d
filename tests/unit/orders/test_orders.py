from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.orders.currencies import CURRENCIES
from services.orders.history import Change
from services.orders.lifecycle import OrderStatus
from services.orders.orders import (
    Order,
    OrderDetails,
    OrderLine,
    changes_between,
    create_order,
    get_order,
)
from shared.api.history import Actor
from shared.api.listing import Listing
from shared.api.pagination import Cursor, Page
from shared.api.reach import Owner, Reach
from shared.errors import NotFound
from tests.unit.shared.api.idempotency.principals import principal

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ALICE = Owner("alice", "sales")
BY_ALICE = Actor("alice", "mobile-app")
DETAILS = OrderDetails(uuid4(), "EUR", (OrderLine("Teapot", 2, 2450), OrderLine("Cups", 12, 390)))


class OrdersInMemory:
    """Keeps orders, and shows whom a reach names their own alone."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Order] = {}
        self.changes: list[Change] = []

    def add(self, order: Order, change: Change) -> None:
        self.kept[order.id] = order
        self.changes.append(change)

    def find(self, order_id: UUID, reach: Reach) -> Order | None:
        found = self.kept.get(order_id)
        return found if found is not None and found.owner.subject == reach.subject else None

    def page(self, reach: Reach, listing: Listing, limit: int, after: Cursor | None) -> Page[Order]:
        raise NotImplementedError

    def history(self, order_id: UUID, reach: Reach, limit: int, before: int | None) -> Page[Change]:
        raise NotImplementedError

    def move(self, order: Order, change: Change, reach: Reach, *, exactly: bool) -> Order | None:
        raise NotImplementedError

    def reassign(self, order: Order, owner: Owner, change: Change, reach: Reach) -> Order | None:
        raise NotImplementedError

    def edit(self, order: Order, details: OrderDetails, change: Change, reach: Reach) -> Order | None:
        raise NotImplementedError


def test_the_total_is_the_sum_of_the_lines() -> None:
    assert DETAILS.total_minor == 9580


def test_a_new_order_is_a_draft_and_its_makers() -> None:
    orders = OrdersInMemory()
    made = create_order(DETAILS, ALICE, BY_ALICE, orders, NOON)
    assert (made.owner, made.status, made.created_at, made.updated_at) == (ALICE, OrderStatus.DRAFT, NOON, NOON)
    assert get_order(made.id, Reach(subject="alice"), orders) == made
    (change,) = orders.changes
    assert (change.action, change.from_status, change.to_status) == ("create", None, OrderStatus.DRAFT)
    assert (change.version, change.at, change.actor) == (1, NOON, BY_ALICE)
    assert {name: value["from"] for name, value in change.changes.items()} == dict.fromkeys(
        ("customer_id", "currency", "lines")
    )


def test_what_is_beyond_reach_is_not_found() -> None:
    orders = OrdersInMemory()
    made = create_order(DETAILS, ALICE, BY_ALICE, orders, NOON)
    with pytest.raises(NotFound):
        get_order(made.id, Reach(subject="bob"), orders)


def test_currencies_are_codes_in_use() -> None:
    assert {"EUR", "USD", "JPY", "KWD", "GBP"} <= CURRENCIES
    assert not {"XXX", "XTS", "XAU", "DEM", "HRK"} & CURRENCIES
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)


def test_a_change_names_what_differs_and_nothing_else() -> None:
    changed = OrderDetails(DETAILS.customer_id, "GBP", DETAILS.lines)
    assert changes_between(DETAILS, changed) == {"currency": {"from": "EUR", "to": "GBP"}}
    assert changes_between(DETAILS, DETAILS) == {}


@pytest.mark.parametrize(
    ("claims", "acting"),
    [
        (None, None),
        ({}, None),
        ({"act": {"sub": "client:orders-api"}}, "client:orders-api"),
        ({"act": {"sub": "client:b", "act": {"sub": "client:a"}}}, "client:b"),
        ({"act": "client:orders-api"}, None),
        ({"act": {"sub": 7}}, None),
    ],
)
def test_who_acts_is_told_apart_from_whose_rights_they_use(claims: dict[str, object] | None, acting: str) -> None:
    caller = principal(claims=claims)
    assert Actor.of(caller) == Actor(caller.subject, caller.client_id, acting)


@pytest.mark.parametrize(
    ("before", "after", "went", "came"),
    [
        ("abc", "abc", "", ""),
        ("abc", "axc", "2b", "2x"),
        ("abc", "xbz", "1a 3c", "1x 3z"),
        ("abc", "bc", "1a", ""),
        ("abc", "zabc", "", "1z"),
        ("aba", "aa", "2b", ""),
        ("aa", "aaa", "", "3a"),
        ("abcd", "axd", "2b 3c", "2x"),
    ],
)
def test_an_edit_tells_of_the_lines_that_differ_alone(before: str, after: str, went: str, came: str) -> None:
    def details(lines: str) -> OrderDetails:
        return OrderDetails(DETAILS.customer_id, "EUR", tuple(OrderLine(name, 1, 1) for name in lines))

    def told(places: str) -> list[dict[str, Any]]:
        return [
            {"position": int(place[0]), "description": place[1], "quantity": 1, "unit_price_minor": 1}
            for place in places.split()
        ]

    changes = changes_between(details(before), details(after))
    assert changes == ({} if before == after else {"lines": {"from": told(went), "to": told(came)}})
