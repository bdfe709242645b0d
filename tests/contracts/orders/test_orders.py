"""What every store of orders promises, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from services.orders.orders import MAX_INTEGER, Order, OrderDetails, OrderLine, OrderStatus
from services.orders.storage.orders import SqlOrders
from shared.bearer import Owner, Reach
from shared.database import Database
from shared.pagination import Cursor

NOON = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
ALICE = Owner("alice", "sales")
EVERYONE = Reach(everyone=True)
LINES = (OrderLine("Teapot", 2, 2450), OrderLine("Cups", 12, 390))


@pytest.fixture
def orders(migrated_database: Callable[[str], Database]) -> SqlOrders:
    return SqlOrders(migrated_database("orders"))


def order(lines: tuple[OrderLine, ...] = LINES, at: datetime = NOON, owner: Owner = ALICE) -> Order:
    return Order(uuid7(), owner, OrderDetails(uuid7(), "EUR", lines), OrderStatus.DRAFT, at, at)


def test_an_order_comes_back_with_its_lines_in_order(orders: SqlOrders) -> None:
    kept = order(tuple(OrderLine(f"line {number}", number + 1, 7) for number in range(30)))
    orders.add(order())
    orders.add(kept)
    assert orders.find(kept.id, EVERYONE) == kept


def test_the_largest_amounts_and_texts_fit(orders: SqlOrders) -> None:
    kept = order((OrderLine("🫖" * 500, 1, MAX_INTEGER), OrderLine("x", MAX_INTEGER, 0)))
    orders.add(kept)
    assert orders.find(kept.id, EVERYONE) == kept


def test_an_order_is_kept_wholly_or_not_at_all(orders: SqlOrders) -> None:
    broken = order((OrderLine("good", 1, 1), OrderLine("bad", 0, 1)))
    with pytest.raises(IntegrityError):
        orders.add(broken)
    assert orders.find(broken.id, EVERYONE) is None


@pytest.mark.parametrize(
    ("reach", "seen"),
    [
        (Reach(), False),
        (Reach(subject="alice"), True),
        (Reach(subject="bob"), False),
        (Reach(subject="bob", team="sales"), True),
        (Reach(subject="bob", team="support"), False),
        (EVERYONE, True),
    ],
)
def test_nothing_beyond_reach_is_found_or_listed(orders: SqlOrders, reach: Reach, seen: bool) -> None:
    kept = order()
    orders.add(kept)
    assert orders.find(kept.id, reach) == (kept if seen else None)
    assert orders.page(reach, 10, None).items == ([kept] if seen else [])


def test_an_unknown_id_is_none(orders: SqlOrders) -> None:
    assert orders.find(UUID(int=0), EVERYONE) is None


def test_pages_are_whole_and_in_order(orders: SqlOrders) -> None:
    kept = [order(at=NOON + timedelta(microseconds=number // 3)) for number in range(20)]
    for one in kept:
        orders.add(one)
    seen: list[Order] = []
    after = None
    while True:
        page = orders.page(Reach(subject="alice"), 7, after)
        seen += page.items
        if page.next_cursor is None:
            break
        after = Cursor.decode(page.next_cursor)
    assert seen == sorted(kept, key=lambda one: (one.created_at, one.id), reverse=True)


def test_a_cursor_at_either_end_of_the_calendar_is_a_place_like_any_other(orders: SqlOrders) -> None:
    kept = order()
    orders.add(kept)
    before_all = Cursor(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
    after_all = Cursor(datetime.min.replace(tzinfo=UTC), UUID(int=0))
    assert orders.page(EVERYONE, 10, before_all).items == [kept]
    assert orders.page(EVERYONE, 10, after_all).items == []


def test_replacing_brings_new_lines(orders: SqlOrders) -> None:
    before = order()
    orders.add(before)
    after = replace(before, details=replace(before.details, lines=LINES[:1]))
    orders.replace(after)
    assert orders.find(before.id, EVERYONE) == after
