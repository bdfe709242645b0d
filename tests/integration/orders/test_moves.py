"""What is done with an order: every move over HTTP, who may make it, and what refuses it."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.orders.lifecycle import RULES, Move, OrderStatus, legal_moves
from shared.clock import epoch
from shared.testing import ALICE, BOB, CAROL, SettableClock
from tests.support.calls import Call

ORDER = {
    "customer_id": "0190a1b0-0000-7000-8000-00000000c001",
    "currency": "EUR",
    "lines": [{"description": "Teapot", "quantity": 2, "unit_price_minor": 2450}],
}
MFA = {"acr": "urn:company:acr:mfa"}

#: How to bring an order to each status.
WAYS: dict[OrderStatus, list[Move]] = {
    OrderStatus.DRAFT: [],
    OrderStatus.PLACED: [Move.PLACE],
    OrderStatus.PAID: [Move.PLACE, Move.PAY],
    OrderStatus.SHIPPED: [Move.PLACE, Move.PAY, Move.SHIP],
    OrderStatus.DELIVERED: [Move.PLACE, Move.PAY, Move.SHIP, Move.DELIVER],
    OrderStatus.CANCELLED: [Move.CANCEL],
    OrderStatus.REFUNDED: [Move.PLACE, Move.PAY, Move.REFUND],
}


def move(call: Call, order_id: str, what: str, headers: dict[str, str] | None = None, **claims: Any) -> httpx2.Response:
    return call("POST", f"/api/orders/{order_id}/{what}", headers=headers or {}, **{**MFA, **claims})


def order_at(call: Call, status: OrderStatus, **claims: Any) -> str:
    order_id: str = call("POST", "/api/orders", json=ORDER, **claims).json()["id"]
    for step in WAYS[status]:
        assert move(call, order_id, step, **claims).status_code == 200
    return order_id


def read(call: Call, order_id: str, **claims: Any) -> dict[str, Any]:
    found: dict[str, Any] = call("GET", f"/api/orders/{order_id}", **claims).json()
    return found


@pytest.mark.parametrize("status", list(OrderStatus))
def test_every_move_from_a_status_is_made_or_names_those_that_are_legal(call: Call, status: OrderStatus) -> None:
    for what in Move:
        order_id = order_at(call, status)
        before = read(call, order_id)
        answer = move(call, order_id, what)
        if status in RULES[what].sources:
            assert answer.status_code == 200
            assert answer.json() == {**before, "status": RULES[what].target}
            assert read(call, order_id) == answer.json()
        else:
            assert answer.status_code == 409
            assert answer.headers["Content-Type"] == "application/problem+json"
            problem = answer.json()
            assert (problem["order_status"], problem["legal_moves"]) == (status, list(legal_moves(status)))
            assert read(call, order_id) == before


def test_an_unknown_move_is_404(call: Call) -> None:
    assert move(call, order_at(call, OrderStatus.DRAFT), "explode").status_code == 404


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"sub": ALICE, "groups": ["sales"]}, 200),
        ({"sub": BOB, "groups": ["sales"]}, 404),
        ({"sub": BOB, "groups": ["support"], "roles": ["manager"]}, 404),
        ({"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}, 200),
        ({"sub": ALICE, "scope": "orders:read"}, 403),
        ({"sub": "client:reports-job", "scope": "orders:read orders:read:all orders:write"}, 403),
    ],
)
@pytest.mark.parametrize("what", ["place", "cancel", "history", "edit"])
def test_who_may_do_what_with_an_order_of_alice(call: Call, claims: dict[str, Any], status: int, what: str) -> None:
    order_id = order_at(call, OrderStatus.DRAFT)
    before = read(call, order_id)
    if what == "history":
        answer = call("GET", f"/api/orders/{order_id}/history", **claims)
        status = 200 if "orders:read" in str(claims.get("scope")) else status
    elif what == "edit":
        answer = call("PATCH", f"/api/orders/{order_id}", json={"currency": "GBP"}, **claims)
    else:
        answer = move(call, order_id, what, **claims)
    assert answer.status_code == status
    if status != 200:
        assert read(call, order_id) == before


def test_a_foreign_order_and_none_look_alike(call: Call) -> None:
    foreign = order_at(call, OrderStatus.PAID)
    answers = [move(call, one, "place", sub=BOB, groups=["support"]) for one in (foreign, foreign[:-4] + "ffff")]
    bodies = [{**answer.json(), "instance": ""} for answer in answers]
    assert bodies[0] == bodies[1]
    assert bodies[0]["status"] == 404


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 200),
        ({"acr": "urn:company:acr:1fa"}, 401),
        ({"acr": "urn:company:acr:mfa:almost"}, 401),
        ({"without": ["acr"]}, 401),
        ({"without": ["auth_time"]}, 401),
        ({"age": timedelta(minutes=5)}, 200),
        ({"age": timedelta(minutes=5, seconds=1)}, 401),
    ],
)
def test_a_refund_needs_a_second_factor_just_given(
    call: Call, clock: SettableClock, claims: dict[str, Any], status: int
) -> None:
    order_id = order_at(call, OrderStatus.PAID)
    if "age" in claims:
        claims = {"auth_time": epoch(clock.now() - claims["age"])}
    answer = move(call, order_id, "refund", **claims)
    assert answer.status_code == status
    if status == 401:
        challenge = answer.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'acr_values="urn:company:acr:mfa"' in challenge
        assert 'max_age="300"' in challenge
        assert read(call, order_id)["status"] == "paid"


def test_an_old_second_factor_cannot_replay_a_refund(call: Call, clock: SettableClock) -> None:
    order_id = order_at(call, OrderStatus.PAID)
    key = {"Idempotency-Key": "refund-1"}
    signed_in = epoch(clock.now())
    assert move(call, order_id, "refund", key, auth_time=signed_in).status_code == 200
    assert move(call, order_id, "refund", key, auth_time=signed_in).status_code == 200
    clock.advance(minutes=6)
    assert move(call, order_id, "refund", key, auth_time=signed_in).status_code == 401


def test_a_move_under_a_key_is_made_once_and_answered_alike(call: Call) -> None:
    order_id = order_at(call, OrderStatus.DRAFT)
    key = {"Idempotency-Key": "place-1"}
    first, again = (move(call, order_id, "place", key) for _ in range(2))
    assert (first.status_code, first.content, first.headers["ETag"]) == (
        again.status_code,
        again.content,
        again.headers["ETag"],
    )
    assert move(call, order_id, "place").status_code == 409


def test_a_refused_move_under_a_key_stays_refused(call: Call) -> None:
    order_id = order_at(call, OrderStatus.DRAFT)
    key = {"Idempotency-Key": "pay-1"}
    first = move(call, order_id, "pay", key)
    move(call, order_id, "place")
    again = move(call, order_id, "pay", key)
    assert (first.status_code, first.content) == (again.status_code, again.content) == (409, first.content)
    assert again.headers["Content-Type"] == "application/problem+json"
    assert move(call, order_id, "pay").status_code == 200


def test_a_key_used_for_one_order_is_refused_for_another(call: Call) -> None:
    one, other = order_at(call, OrderStatus.DRAFT), order_at(call, OrderStatus.DRAFT)
    key = {"Idempotency-Key": "place-1"}
    assert move(call, one, "place", key).status_code == 200
    assert move(call, other, "place", key).status_code == 422
    assert move(call, one, "cancel", key).status_code == 200  # another route, another key


def test_an_order_that_left_the_callers_reach_cannot_be_replayed(call: Call) -> None:
    order_id = order_at(call, OrderStatus.DRAFT)
    key = {"Idempotency-Key": "place-1"}
    carol: dict[str, Any] = {"sub": CAROL, "groups": ["sales"]}
    assert move(call, order_id, "place", key, **carol, roles=["manager"]).status_code == 200
    assert move(call, order_id, "place", key, **carol).status_code == 404


def test_if_match_holds_for_moves_too(call: Call) -> None:
    made = call("POST", "/api/orders", json=ORDER)
    order_id, seen = made.json()["id"], made.headers["ETag"]
    call("PATCH", f"/api/orders/{order_id}", json={"currency": "GBP"})
    refused = move(call, order_id, "place", {"If-Match": seen, "Idempotency-Key": "place-1"})
    assert refused.status_code == 412
    assert read(call, order_id)["status"] == "draft"
    now = call("GET", f"/api/orders/{order_id}").headers["ETag"]
    assert move(call, order_id, "place", {"If-Match": now, "Idempotency-Key": "place-1"}).status_code == 200


def test_a_body_says_nothing(call: Call) -> None:
    order_id = order_at(call, OrderStatus.DRAFT)
    answer = call("POST", f"/api/orders/{order_id}/place", json={"status": "refunded", "owner_sub": BOB})
    assert (answer.status_code, answer.json()["status"]) == (200, "placed")
    assert read(call, order_id)["status"] == "placed"


def test_history_tells_who_did_what(call: Call, clock: SettableClock) -> None:
    order_id = order_at(call, OrderStatus.DRAFT)
    clock.advance(seconds=1)
    call("PATCH", f"/api/orders/{order_id}", json={"currency": "GBP"})
    clock.advance(seconds=1)
    manager: dict[str, Any] = {"sub": CAROL, "groups": ["sales"], "roles": ["manager"], "client_id": "back-office"}
    move(call, order_id, "place", **manager, act={"sub": "client:shipping-api"})
    move(call, order_id, "place")  # refused: no change
    history = call("GET", f"/api/orders/{order_id}/history").json()
    by_alice = {"sub": ALICE, "client_id": "mobile-app", "act": None}
    placed, edited, created = history["items"]
    assert history["next_cursor"] is None
    assert placed == {
        "version": 3,
        "at": "2030-01-01T12:00:02Z",
        "actor": {"sub": CAROL, "client_id": "back-office", "act": "client:shipping-api"},
        "action": "place",
        "from_status": "draft",
        "to_status": "placed",
        "changes": {},
    }
    assert (edited["action"], edited["actor"]) == ("edit", by_alice)
    assert edited["changes"] == {"currency": {"from": "EUR", "to": "GBP"}}
    assert (created["action"], created["from_status"], created["actor"]) == ("create", None, by_alice)
    assert created["changes"]["lines"] == {"from": None, "to": ORDER["lines"]}

    first = call("GET", f"/api/orders/{order_id}/history?limit=2").json()
    second = call("GET", f"/api/orders/{order_id}/history?limit=2&cursor={first['next_cursor']}").json()
    assert first["items"] + second["items"] == history["items"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "cursor=x", "cursor=0", "cursor=-1", "cursor=9999999999", "q=1"]
)
def test_a_bad_page_of_history_is_422(call: Call, query: str) -> None:
    assert call("GET", f"/api/orders/{order_at(call, OrderStatus.DRAFT)}/history?{query}").status_code == 422
