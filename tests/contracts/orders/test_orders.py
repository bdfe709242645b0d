"""What every store of orders promises, on SQLite and on PostgreSQL."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from services.orders.history import Change
from services.orders.lifecycle import OrderStatus
from services.orders.orders import MAX_INTEGER, Order, OrderDetails, OrderLine, changes_between
from services.orders.storage.orders import SqlOrders
from shared.api.history import Actor
from shared.api.listing import Listing
from shared.api.pagination import Cursor
from shared.api.reach import Owner, Reach
from shared.database import Database

NOON = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
ALICE, BOB = Owner("alice", "sales"), Owner("bob", "support")
BY_ALICE = Actor("alice", "mobile-app", "client:someone")
EVERYONE = Reach(everyone=True)
LINES = (OrderLine("Teapot", 2, 2450), OrderLine("Cups", 12, 390))
NEWEST_FIRST = Listing()


@pytest.fixture
def orders(migrated_database: Callable[[str], Database]) -> SqlOrders:
    return SqlOrders(migrated_database("orders"))


def order(
    lines: tuple[OrderLine, ...] = LINES, at: datetime = NOON, owner: Owner = ALICE, currency: str = "EUR"
) -> Order:
    return Order(uuid7(), owner, OrderDetails(uuid7(), currency, lines), OrderStatus.DRAFT, at, at)


def change(of: Order, action: str = "create", to: OrderStatus | None = None, at: datetime | None = None) -> Change:
    new = action == "create"
    version = of.version + (not new)
    what = changes_between(None, of.details) if new else {}
    return Change(version, at or of.created_at, BY_ALICE, action, None if new else of.status, to or of.status, what)


def added(orders: SqlOrders, one: Order | None = None) -> Order:
    one = one or order()
    orders.add(one, change(one))
    return one


def test_an_order_comes_back_with_its_lines_in_order(orders: SqlOrders) -> None:
    kept = order(tuple(OrderLine(f"line {number}", number + 1, 7) for number in range(30)))
    added(orders)
    added(orders, kept)
    assert orders.find(kept.id, EVERYONE) == kept


def test_the_largest_amounts_and_texts_fit(orders: SqlOrders) -> None:
    kept = added(orders, order((OrderLine("🫖" * 500, 1, MAX_INTEGER), OrderLine("x", MAX_INTEGER, 0))))
    assert orders.find(kept.id, EVERYONE) == kept


def test_an_order_is_kept_wholly_or_not_at_all(orders: SqlOrders) -> None:
    broken = order((OrderLine("good", 1, 1), OrderLine("bad", 0, 1)))
    with pytest.raises(IntegrityError):
        added(orders, broken)
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
def test_nothing_beyond_reach_is_found_listed_or_changed(orders: SqlOrders, reach: Reach, seen: bool) -> None:
    kept = added(orders)
    assert orders.find(kept.id, reach) == (kept if seen else None)
    assert orders.page(reach, NEWEST_FIRST, 10, None).items == ([kept] if seen else [])
    assert orders.history(kept.id, reach, 10, None).items == ([change(kept)] if seen else [])
    details = replace(kept.details, currency="GBP")
    edited = orders.edit(kept, details, change(kept, "edit"), reach)
    assert (edited is not None) == seen
    kept = edited or kept
    moved = orders.move(kept, change(kept, "place", OrderStatus.PLACED), reach, exactly=False)
    assert (moved is not None) == seen
    assert orders.find(kept.id, EVERYONE) == (moved or kept)


def test_an_unknown_id_is_none(orders: SqlOrders) -> None:
    assert orders.find(UUID(int=0), EVERYONE) is None
    assert orders.history(UUID(int=0), EVERYONE, 10, None).items == []


@pytest.mark.parametrize("sort", ["created_at", "updated_at"])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("reach", [Reach(subject="alice"), Reach(subject="alice", team="support"), EVERYONE])
def test_pages_are_whole_and_in_order(orders: SqlOrders, sort: str, descending: bool, reach: Reach) -> None:
    owners = itertools.cycle((ALICE, BOB) if reach != Reach(subject="alice") else (ALICE,))
    kept = [
        added(orders, replace(order(at=NOON + timedelta(microseconds=number // 3), owner=next(owners))))
        for number in range(20)
    ]
    listing, seen, after = Listing(sort, descending), list[Order](), None
    while True:
        page = orders.page(reach, listing, 7, after)
        seen += page.items
        if page.next_cursor is None:
            break
        after = Cursor.decode(page.next_cursor, listing.identity("orders", reach))
    assert seen == sorted(kept, key=lambda one: (getattr(one, sort), one.id), reverse=descending)


def test_filters_narrow_a_list(orders: SqlOrders) -> None:
    first, second = added(orders), added(orders, order(at=LATER, currency="GBP"))
    moved = orders.move(second, change(second, "place", OrderStatus.PLACED), EVERYONE, exactly=False)
    for where, found in (
        ({"status": OrderStatus.DRAFT}, [first]),
        ({"status": OrderStatus.PLACED}, [moved]),
        ({"currency": "GBP"}, [moved]),
        ({"customer_id": first.details.customer_id}, [first]),
        ({"created_from": LATER}, [moved]),
        ({"created_to": LATER}, [first]),
        ({"created_from": NOON, "created_to": LATER, "currency": "GBP"}, []),
    ):
        assert orders.page(EVERYONE, Listing(where=where), 10, None).items == found, where


def test_a_cursor_at_either_end_of_the_calendar_is_a_place_like_any_other(orders: SqlOrders) -> None:
    kept = added(orders)
    before_all = Cursor(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
    after_all = Cursor(datetime.min.replace(tzinfo=UTC), UUID(int=0))
    assert orders.page(EVERYONE, NEWEST_FIRST, 10, before_all).items == [kept]
    assert orders.page(EVERYONE, NEWEST_FIRST, 10, after_all).items == []


def test_replacing_brings_new_lines(orders: SqlOrders) -> None:
    before = added(orders)
    after = replace(before, details=replace(before.details, lines=LINES[:1]), version=2)
    orders.replace(after, change(before, "edit"))
    assert orders.find(before.id, EVERYONE) == after


def test_an_edit_is_made_to_the_version_that_was_read(orders: SqlOrders) -> None:
    read = added(orders)
    details = OrderDetails(uuid7(), "JPY", LINES[:1])
    edited = orders.edit(read, details, change(read, "edit", at=LATER), EVERYONE)
    assert edited == replace(read, details=details, updated_at=LATER, version=2)
    assert orders.find(read.id, EVERYONE) == edited
    assert orders.edit(read, read.details, change(read, "edit"), EVERYONE) is None  # of two the first stays
    assert orders.find(read.id, EVERYONE) == edited
    assert [one.version for one in orders.history(read.id, EVERYONE, 10, None).items] == [2, 1]


def test_a_move_is_made_from_the_status_that_was_read(orders: SqlOrders) -> None:
    read = added(orders)
    place = change(read, "place", OrderStatus.PLACED, LATER)
    placed = orders.move(read, place, EVERYONE, exactly=False)
    assert placed == replace(read, status=OrderStatus.PLACED, updated_at=LATER, version=2)
    assert orders.find(read.id, EVERYONE) == placed
    cancel = change(read, "cancel", OrderStatus.CANCELLED)
    assert orders.move(read, cancel, EVERYONE, exactly=False) is None
    assert orders.history(read.id, EVERYONE, 10, None).items == [place, change(read)]


def test_a_move_takes_along_what_was_edited_meanwhile_unless_it_is_exact(orders: SqlOrders) -> None:
    read = added(orders)
    details = replace(read.details, lines=LINES[1:])
    orders.edit(read, details, change(read, "edit"), EVERYONE)
    place = change(read, "place", OrderStatus.PLACED, LATER)
    assert orders.move(read, place, EVERYONE, exactly=True) is None
    placed = orders.move(read, place, EVERYONE, exactly=False)
    assert placed == replace(read, status=OrderStatus.PLACED, details=details, updated_at=LATER, version=3)
    assert orders.find(read.id, EVERYONE) == placed


def test_history_comes_in_pages_the_last_first(orders: SqlOrders) -> None:
    kept = one = added(orders)
    for number in range(5):
        details = replace(kept.details, currency=("GBP", "EUR")[number % 2])
        edited = orders.edit(kept, details, change(kept, "edit"), EVERYONE)
        assert edited is not None
        kept = edited
    first = orders.history(one.id, EVERYONE, 4, None)
    assert [each.version for each in first.items] == [6, 5, 4, 3]
    assert first.next_cursor == "3"
    second = orders.history(one.id, EVERYONE, 4, 3)
    assert [each.version for each in second.items] == [2, 1]
    assert second.next_cursor is None
    assert second.items[-1] == change(one)
