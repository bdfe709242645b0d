"""However large its records are and whatever limit is asked for: an answer and what is stored for it are bounded."""

from typing import Any

from services.orders.orders import MAX_LINES
from tests.support.calls import Call

MEBIBYTE = 1024 * 1024


def lines(text: str) -> list[dict[str, Any]]:
    return [{"description": text + "x" * 240, "quantity": 1, "unit_price_minor": 1}] * MAX_LINES


def large_order(text: str = "") -> dict[str, Any]:
    return {"customer_id": "0190a1b0-0000-7000-8000-00000000c001", "currency": "EUR", "lines": lines(text)}


def pages(call: Call, path: str) -> list[list[dict[str, Any]]]:
    """Return the items of every page, each asked for at the largest limit."""
    found, cursor = [], ""
    while True:
        answer = call("GET", f"{path}?limit=200{cursor}")
        assert answer.status_code == 200
        assert len(answer.content) <= MEBIBYTE * 1.2
        found.append(answer.json()["items"])
        if answer.json()["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json()['next_cursor']}"


def test_a_history_of_large_edits_is_answered_in_bounded_pages(call: Call) -> None:
    order_id = call("POST", "/api/orders", json=large_order()).json()["id"]
    for number in range(15):
        assert call("PATCH", f"/api/orders/{order_id}", json={"lines": lines(f"{number} ")}).status_code == 200
    found = pages(call, f"/api/orders/{order_id}/history")
    assert [change["version"] for page in found for change in page] == list(range(16, 0, -1))
    assert len(found) > 1


def test_a_list_of_large_orders_is_answered_in_bounded_pages(call: Call) -> None:
    made = [call("POST", "/api/orders", json=large_order()).json()["id"] for _ in range(30)]
    found = pages(call, "/api/orders")
    assert [order["id"] for page in found for order in page] == made[::-1]
    assert len(found) > 1


def test_an_edit_of_one_line_stores_one_line(call: Call) -> None:
    order_id = call("POST", "/api/orders", json=large_order()).json()["id"]
    changed = lines("")
    changed[7] = {**changed[7], "quantity": 2}
    call("PATCH", f"/api/orders/{order_id}", json={"lines": changed})
    (edit, _) = call("GET", f"/api/orders/{order_id}/history").json()["items"]
    assert edit["changes"] == {
        "lines": {"from": [{"position": 8, **lines("")[7]}], "to": [{"position": 8, **changed[7]}]}
    }
