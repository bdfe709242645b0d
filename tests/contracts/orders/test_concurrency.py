"""Two processes of Orders on one database: each with its own engine, as two services would have."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from services.orders.lifecycle import Move, OrderStatus
from services.orders.orders import (
    ChangeRequest,
    Order,
    OrderDetails,
    OrderLine,
    create_order,
    edit_order,
    get_order,
    move_order,
)
from services.orders.storage.orders import SqlOrders
from shared.api.entity_tags import Precondition
from shared.api.history import Actor
from shared.api.reach import Owner, Reach
from shared.database import Database
from shared.errors import Conflict, PreconditionFailed

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ALICE, BY_ALICE, REACH = Owner("alice", "sales"), Actor("alice", "mobile-app"), Reach(subject="alice")
LINES = (OrderLine("Teapot", 2, 2450),)
AT_ONCE = 8


@pytest.fixture
def processes(migrated_database: Callable[[str], Database]) -> Iterator[list[SqlOrders]]:
    one = migrated_database("orders")
    other = Database(one.url)
    yield [SqlOrders(one), SqlOrders(other)]
    other.dispose()


def draft(processes: list[SqlOrders], *moves: Move) -> Order:
    order = create_order(OrderDetails(uuid7(), "EUR", LINES), ALICE, BY_ALICE, processes[0], NOON)
    for move in moves:
        order = move_order(asked(order), move, processes[0])
    return order


def asked(order: Order, if_match: str | None = None) -> ChangeRequest:
    precondition = Precondition() if if_match is None else Precondition.parse("If-Match", [if_match])
    return ChangeRequest(order.id, REACH, BY_ALICE, precondition, NOON)


def at_once(processes: list[SqlOrders], *works: Callable[[SqlOrders], Order]) -> list[Order | Exception]:
    """Run each work in a thread of its own, on one process after the other, and return how each ended."""
    together = threading.Barrier(len(works))

    def run(number: int) -> Order | Exception:
        together.wait()
        try:
            return works[number](processes[number % 2])
        except (Conflict, PreconditionFailed) as error:
            return error

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, range(len(works))))


def history(processes: list[SqlOrders], order: Order) -> list[str]:
    return [change.action for change in reversed(processes[1].history(order.id, REACH, 100, None).items)]


def test_of_one_move_made_many_times_at_once_one_wins(processes: list[SqlOrders]) -> None:
    order = draft(processes)
    ends = at_once(processes, *[lambda orders: move_order(asked(order), Move.PLACE, orders)] * AT_ONCE)
    won = [end for end in ends if isinstance(end, Order)]
    assert [one.status for one in won] == [OrderStatus.PLACED]
    lost = [end for end in ends if isinstance(end, Conflict)]
    assert len(lost) == AT_ONCE - 1
    assert all(error.members["legal_moves"] == [Move.PAY, Move.CANCEL] for error in lost)
    assert history(processes, order) == ["create", "place"]


@pytest.mark.parametrize("round_", range(5))
def test_of_two_moves_that_exclude_each_other_one_wins(processes: list[SqlOrders], round_: int) -> None:
    order = draft(processes, Move.PLACE)
    works: Any = [
        lambda orders: move_order(asked(order), Move.PAY, orders),
        lambda orders: move_order(asked(order), Move.CANCEL, orders),
    ]
    ends = at_once(processes, *works)
    (won,) = (end for end in ends if isinstance(end, Order))
    assert sum(isinstance(end, Conflict) for end in ends) == 1
    assert get_order(order.id, REACH, processes[0]) == won
    assert len(history(processes, order)) == 3


def test_edits_at_once_are_all_made_and_none_is_lost(processes: list[SqlOrders]) -> None:
    order = draft(processes)

    def edit(currency: str) -> Callable[[SqlOrders], Order]:
        def work(orders: SqlOrders) -> Order:
            def said(details: OrderDetails) -> OrderDetails:
                return OrderDetails(details.customer_id, currency, details.lines)

            return edit_order(asked(order), said, orders)

        return work

    ends = at_once(processes, *(edit(currency) for currency in ("GBP", "USD", "JPY")))
    assert all(isinstance(end, Order) for end in ends)
    assert history(processes, order) == ["create", "edit", "edit", "edit"]
    assert get_order(order.id, REACH, processes[0]).version == 4


def test_of_edits_that_name_one_entity_tag_one_is_made(processes: list[SqlOrders]) -> None:
    order = draft(processes)

    def edit(number: int) -> Callable[[SqlOrders], Order]:
        def said(details: OrderDetails) -> OrderDetails:
            return OrderDetails(details.customer_id, details.currency, (OrderLine("Cup", number + 1, 390),))

        return lambda orders: edit_order(asked(order, order.entity_tag), said, orders)

    ends = at_once(processes, *(edit(number) for number in range(AT_ONCE)))
    (won,) = (end for end in ends if isinstance(end, Order))
    assert sum(isinstance(end, PreconditionFailed) for end in ends) == AT_ONCE - 1
    assert get_order(order.id, REACH, processes[1]) == won
    assert history(processes, order) == ["create", "edit"]


@pytest.mark.parametrize("round_", range(5))
def test_what_is_placed_is_what_the_history_says(processes: list[SqlOrders], round_: int) -> None:
    order = draft(processes)

    def said(details: OrderDetails) -> OrderDetails:
        return OrderDetails(details.customer_id, "GBP", details.lines)

    works: Any = [
        lambda orders: edit_order(asked(order), said, orders),
        lambda orders: move_order(asked(order), Move.PLACE, orders),
    ]
    edited, placed = at_once(processes, *works)
    assert isinstance(placed, Order)
    kept = get_order(order.id, REACH, processes[0])
    assert (kept.status, kept.details) == (OrderStatus.PLACED, placed.details)
    if isinstance(edited, Order):
        assert (kept.details.currency, history(processes, order)) == ("GBP", ["create", "edit", "place"])
    else:
        assert (kept.details.currency, history(processes, order)) == ("EUR", ["create", "place"])
