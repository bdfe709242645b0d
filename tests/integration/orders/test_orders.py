from typing import Any
from uuid import UUID

import pytest

from shared.testing import ALICE, BOB, CAROL, SettableClock
from tests.support.calls import Call

CUSTOMER = "0190a1b0-0000-7000-8000-00000000c001"
TEAPOT = {"description": "Teapot", "quantity": 2, "unit_price_minor": 2450}
CUPS = {"description": "Cups", "quantity": 12, "unit_price_minor": 390}
TEA_PARTY = {"customer_id": CUSTOMER, "currency": "EUR", "lines": [TEAPOT, CUPS]}


def with_line(**members: Any) -> dict[str, Any]:
    return {**TEA_PARTY, "lines": [{**TEAPOT, **members}]}


def test_an_order_that_was_added_can_be_read(call: Call) -> None:
    added = call("POST", "/api/orders", json=TEA_PARTY)
    assert added.status_code == 201
    order = added.json()
    assert added.headers["Location"] == f"/api/orders/{order['id']}"
    assert UUID(order.pop("id")).version == 7
    moments = {"created_at": "2030-01-01T12:00:00Z", "updated_at": "2030-01-01T12:00:00Z"}
    assert order == {**TEA_PARTY, "total_minor": 2 * 2450 + 12 * 390, "status": "draft", **moments}

    read = call("GET", added.headers["Location"])
    assert read.status_code == 200
    assert read.json() == added.json()
    assert read.headers["Cache-Control"] == "no-store"


def test_pages_run_newest_first_and_keep_each_orders_lines(call: Call, clock: SettableClock) -> None:
    added = []
    for quantity in range(1, 6):
        added.append(call("POST", "/api/orders", json=with_line(quantity=quantity)).json())
        clock.advance(seconds=1)
    first = call("GET", "/api/orders?limit=3").json()
    second = call("GET", f"/api/orders?limit=3&cursor={first['next_cursor']}").json()
    assert first["items"] + second["items"] == list(reversed(added))
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"sub": ALICE, "groups": ["sales"]}, 200),
        ({"sub": BOB, "groups": ["support"], "roles": ["manager"]}, 404),
        ({"sub": BOB, "groups": ["sales"]}, 404),
        ({"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}, 200),
        ({"sub": "client:reports-job", "scope": "orders:read"}, 404),
        ({"sub": "client:reports-job", "scope": "orders:read orders:read:all"}, 200),
        ({"sub": BOB, "groups": ["support"], "scope": "orders:read orders:read:all"}, 404),
    ],
)
def test_who_sees_an_order_of_alice(call: Call, claims: dict[str, Any], status: int) -> None:
    order = call("POST", "/api/orders", json=TEA_PARTY).json()
    assert call("GET", f"/api/orders/{order['id']}", **claims).status_code == status
    assert call("GET", "/api/orders", **claims).json()["items"] == ([order] if status == 200 else [])


@pytest.mark.parametrize("member", ["id", "owner_sub", "owner_team", "status", "total_minor", "created_at"])
def test_a_member_that_is_not_the_callers_to_set_is_refused(call: Call, member: str) -> None:
    answer = call("POST", "/api/orders", json={**TEA_PARTY, member: BOB})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", member]


def test_a_machine_client_cannot_own_an_order(call: Call) -> None:
    assert call("POST", "/api/orders", json=TEA_PARTY, sub="client:job", scope="orders:write").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {**TEA_PARTY, "customer_id": "1"},
        {**TEA_PARTY, "customer_id": None},
        {**TEA_PARTY, "currency": "eur"},
        {**TEA_PARTY, "currency": "XXX"},
        {**TEA_PARTY, "currency": "EURO"},
        {**TEA_PARTY, "currency": "EUR\n"},
        {**TEA_PARTY, "currency": 978},
        {**TEA_PARTY, "lines": []},
        {**TEA_PARTY, "lines": [TEAPOT] * 201},
        {**TEA_PARTY, "lines": {"0": TEAPOT}},
        with_line(quantity=0),
        with_line(quantity=-1),
        with_line(quantity=1.0),
        with_line(quantity="1"),
        with_line(quantity=True),
        with_line(quantity=None),
        with_line(quantity=2**63),
        with_line(quantity=10**400),
        with_line(unit_price_minor=-1),
        with_line(unit_price_minor=24.5),
        with_line(unit_price_minor=2**64),
        with_line(quantity=2**52, unit_price_minor=2**52),  # each fits, the total does not
        with_line(description=""),
        with_line(description=" "),
        with_line(description="nul\x00"),
        with_line(description="x" * 501),
        with_line(discount=5),
    ],
)
def test_a_body_that_does_not_fit_is_422(call: Call, body: object) -> None:
    answer = call("POST", "/api/orders", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert call("GET", "/api/orders").json()["items"] == []


def test_an_order_may_cost_nothing_and_as_much_as_json_keeps_exact(call: Call) -> None:
    assert call("POST", "/api/orders", json=with_line(unit_price_minor=0)).json()["total_minor"] == 0
    most = with_line(quantity=1, unit_price_minor=2**53 - 1)
    assert call("POST", "/api/orders", json=most).json()["total_minor"] == 2**53 - 1


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=x"])
def test_a_bad_page_query_is_422(call: Call, query: str) -> None:
    assert call("GET", f"/api/orders?{query}").status_code == 422
