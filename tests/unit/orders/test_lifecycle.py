import itertools

import pytest

from services.orders.lifecycle import EDITABLE, RULES, Move, OrderStatus, illegal_move, legal_moves

S, M = OrderStatus, Move

#: The whole table, written out: what leads on from where, and to where.
LEGAL = {
    (S.DRAFT, M.PLACE): S.PLACED,
    (S.DRAFT, M.CANCEL): S.CANCELLED,
    (S.PLACED, M.PAY): S.PAID,
    (S.PLACED, M.CANCEL): S.CANCELLED,
    (S.PAID, M.SHIP): S.SHIPPED,
    (S.PAID, M.REFUND): S.REFUNDED,
    (S.SHIPPED, M.DELIVER): S.DELIVERED,
    (S.SHIPPED, M.REFUND): S.REFUNDED,
    (S.DELIVERED, M.REFUND): S.REFUNDED,
}


@pytest.mark.parametrize(("status", "move"), list(itertools.product(OrderStatus, Move)))
def test_every_move_from_every_status(status: OrderStatus, move: Move) -> None:
    rule = RULES[move]
    assert (status in rule.sources) == ((status, move) in LEGAL)
    if status in rule.sources:
        assert rule.target is LEGAL[status, move]


@pytest.mark.parametrize("status", list(OrderStatus))
def test_the_refusal_names_the_legal_moves(status: OrderStatus) -> None:
    legal = [move for move in Move if (status, move) in LEGAL]
    assert legal_moves(status) == legal
    refusal = illegal_move(status, "editing")
    assert refusal.members == {"order_status": status, "legal_moves": legal}
    assert all(move in str(refusal) for move in legal)


def test_there_are_two_ends() -> None:
    assert {status for status in OrderStatus if not legal_moves(status)} == {S.CANCELLED, S.REFUNDED}


def test_every_status_can_be_reached() -> None:
    assert {rule.target for rule in RULES.values()} | {EDITABLE} == set(OrderStatus)


def test_money_that_was_taken_is_refunded_and_never_just_cancelled() -> None:
    taken = {S.PAID, S.SHIPPED, S.DELIVERED}
    assert RULES[M.REFUND].sources == taken
    assert not RULES[M.CANCEL].sources & taken
