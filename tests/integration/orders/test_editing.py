"""Editing a draft: what may be said, whose draft, whose customer, and which state of it."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from shared.testing import BOB, FakeIssuer
from tests.support.calls import Call
from tests.support.scripted_suite import ScriptedSuite

CUSTOMER = "0190a1b0-0000-7000-8000-00000000c001"
TEAPOT = {"description": "Teapot", "quantity": 2, "unit_price_minor": 2450}
CUPS = {"description": "Cups", "quantity": 12, "unit_price_minor": 390}
ORDER = {"customer_id": CUSTOMER, "currency": "EUR", "lines": [TEAPOT]}


def draft(call: Call) -> httpx2.Response:
    return call("POST", "/api/orders", json=ORDER)


def patch(
    call: Call, order_id: str, body: Any, headers: dict[str, str] | None = None, **claims: Any
) -> httpx2.Response:
    return call("PATCH", f"/api/orders/{order_id}", json=body, headers=headers or {}, **claims)


@pytest.mark.parametrize(
    ("change", "total"),
    [
        ({"currency": "JPY"}, 4900),
        ({"lines": [CUPS, TEAPOT]}, 4900 + 4680),
        ({"customer_id": str(uuid4())}, 4900),
        ({"lines": [CUPS], "currency": "KWD", "customer_id": str(uuid4())}, 4680),
    ],
)
def test_what_is_sent_changes_and_the_rest_stays(call: Call, change: dict[str, Any], total: int) -> None:
    made = draft(call)
    edited = patch(call, made.json()["id"], change)
    assert edited.status_code == 200
    assert edited.json() == {**made.json(), **change, "total_minor": total}
    assert edited.headers["ETag"] != made.headers["ETag"]
    read = call("GET", f"/api/orders/{made.json()['id']}")
    assert (read.json(), read.headers["ETag"]) == (edited.json(), edited.headers["ETag"])


@pytest.mark.parametrize("change", [{}, {"currency": "EUR"}, ORDER])
def test_saying_the_same_again_changes_nothing(call: Call, change: dict[str, Any]) -> None:
    made = draft(call)
    edited = patch(call, made.json()["id"], change)
    assert (edited.json(), edited.headers["ETag"]) == (made.json(), made.headers["ETag"])
    assert len(call("GET", f"/api/orders/{made.json()['id']}/history").json()["items"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        None,
        [],
        {"status": "paid"},
        {"owner_sub": BOB},
        {"owner_team": "support"},
        {"total_minor": 1},
        {"version": 9},
        {"id": str(uuid4())},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"customer_id": None},
        {"currency": None},
        {"currency": "XXX"},
        {"lines": None},
        {"lines": []},
        {"lines": [{**TEAPOT, "discount": 5}]},
        {"lines": [{**TEAPOT, "quantity": 2**52, "unit_price_minor": 2**52}]},
        {"lines": [TEAPOT] * 201},
    ],
)
def test_a_change_that_is_not_the_callers_to_make_is_422(call: Call, change: Any) -> None:
    made = draft(call)
    assert patch(call, made.json()["id"], change).status_code == 422
    assert call("GET", f"/api/orders/{made.json()['id']}").json() == made.json()


def test_only_a_draft_can_be_edited(call: Call) -> None:
    made = draft(call)
    call("POST", f"/api/orders/{made.json()['id']}/place")
    refused = patch(call, made.json()["id"], {"currency": "GBP"})
    assert refused.status_code == 409
    assert refused.json()["legal_moves"] == ["pay", "cancel"]


def test_a_foreign_customer_is_422_in_an_edit_too(call: Call, suite: ScriptedSuite) -> None:
    made = draft(call)
    foreign = str(uuid4())
    suite.unseen.add(foreign)
    refused = patch(call, made.json()["id"], {"customer_id": foreign})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"loc": ["body", "customer_id"], "msg": "no such contact"}]
    assert call("GET", f"/api/orders/{made.json()['id']}").json() == made.json()


@pytest.mark.parametrize("customer", [None, CUSTOMER])
def test_the_crm_is_asked_of_a_new_customer_alone(call: Call, suite: ScriptedSuite, customer: str | None) -> None:
    made = draft(call)
    suite.contacts.asked.clear()
    change = {"currency": "GBP"} | ({} if customer is None else {"customer_id": customer})
    assert patch(call, made.json()["id"], change).status_code == 200
    assert suite.contacts.asked == []


def test_a_foreign_order_tells_nothing_of_a_contact(call: Call, suite: ScriptedSuite) -> None:
    made = draft(call)
    suite.contacts.asked.clear()
    refused = patch(call, made.json()["id"], {"customer_id": str(uuid4())}, sub=BOB, groups=["support"])
    assert refused.status_code == 404
    assert suite.contacts.asked == []


def test_if_match_names_the_state_that_was_seen(call: Call) -> None:
    made = draft(call)
    order_id, seen = made.json()["id"], made.headers["ETag"]
    assert patch(call, order_id, {"currency": "GBP"}, {"If-Match": seen}).status_code == 200
    assert patch(call, order_id, {"currency": "USD"}, {"If-Match": seen}).status_code == 412
    assert patch(call, order_id, {"currency": "USD"}, {"If-Match": "nonsense"}).status_code == 400
    assert call("GET", f"/api/orders/{order_id}").json()["currency"] == "GBP"
    assert patch(call, order_id, {"currency": "USD"}, {"If-Match": "*"}).status_code == 200


def test_an_order_that_is_known_is_304(call: Call) -> None:
    made = draft(call)
    known = call("GET", f"/api/orders/{made.json()['id']}", headers={"If-None-Match": made.headers["ETag"]})
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", made.headers["ETag"])


@pytest.mark.parametrize(
    "query",
    [
        "status=gone",
        "customer_id=1",
        "currency=eur",
        "created_from=yesterday",
        "created_from=1893499200",
        "created_from=2030-01-01T12:00:00",
        "created_to=0001-01-01T00:00:00%2B23:59",
        "created_to=9999-12-31T23:59:59-23:59",
        "sort=total_minor",
        "sort=created_at,status",
        "owner_sub=x",
        "limit=0",
        "cursor=x",
    ],
)
def test_a_list_that_cannot_be_asked_for_is_422(call: Call, query: str) -> None:
    answer = call("GET", f"/api/orders?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][0] == "query"


def test_a_list_is_narrowed_and_turned_round(call: Call, issuer: FakeIssuer) -> None:
    made = [draft(call).json() for _ in range(3)]
    call("POST", f"/api/orders/{made[1]['id']}/place")
    by = "/api/orders?created_from=2030-01-01T12:00:00Z"

    def ids(query: str, **claims: Any) -> list[str]:
        return [one["id"] for one in call("GET", f"{by}&{query}", **claims).json()["items"]]

    assert ids("status=placed") == [made[1]["id"]]
    assert ids("sort=created_at") == [one["id"] for one in made]
    assert ids(f"customer_id={CUSTOMER}&currency=EUR&status=draft&sort=-created_at") == [made[2]["id"], made[0]["id"]]
    assert ids("created_to=2030-01-01T12:00:00Z") == []
    assert ids(f"customer_id={CUSTOMER}", sub=BOB, groups=["support"]) == []


def test_a_cursor_is_good_for_its_own_list_alone(call: Call) -> None:
    for _ in range(3):
        draft(call)
    cursor = call("GET", "/api/orders?limit=1").json()["next_cursor"]
    assert call("GET", f"/api/orders?limit=2&cursor={cursor}").status_code == 200
    assert call("GET", f"/api/orders?limit=1&sort=created_at&cursor={cursor}").status_code == 422
    assert call("GET", f"/api/orders?limit=1&status=draft&cursor={cursor}").status_code == 422
    assert call("GET", f"/api/orders?limit=1&cursor={cursor}", sub=BOB).status_code == 422
