"""The history of contacts, companies and activities over HTTP: who, when, what (ADR-0046)."""

from typing import Any

import pytest

from shared.testing import ALICE, BOB, CAROL, SettableClock
from tests.support.calls import Call

MANAGER: dict[str, Any] = {"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}


def history(call: Call, path: str, **caller: Any) -> list[dict[str, Any]]:
    answer = call("GET", f"{path}/history", **caller)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_every_change_says_who_made_it_through_which_client_and_what_changed(call: Call, clock: SettableClock) -> None:
    path = f"/api/contacts/{call('POST', '/api/contacts', json={'name': 'Mad Hatter', 'phone': '1'}).json()['id']}"
    clock.advance(minutes=1)
    call("PATCH", path, json={"phone": None, "name": "Mad Hatter"}, client_id="partner-web", **MANAGER)
    call("PATCH", path, json={"name": "Mad Hatter"})  # changes nothing
    call("DELETE", path, **MANAGER)
    call("POST", f"{path}/restore")
    told = history(call, path)
    assert [(one["version"], one["action"]) for one in told] == [
        (4, "restore"),
        (3, "delete"),
        (2, "edit"),
        (1, "create"),
    ]
    assert [one["actor"]["sub"] for one in told] == [ALICE, CAROL, CAROL, ALICE]
    assert told[2]["actor"]["client_id"] == "partner-web"
    assert [one["changes"] for one in told] == [{}, {}, {"phone": {"from": "1", "to": None}}, {}]
    assert told[3]["at"] < told[2]["at"]


@pytest.mark.parametrize(
    ("kind", "body", "change", "told"),
    [
        ("companies", {"name": "Tea"}, {"domain": "tea.example"}, {"domain": {"from": None, "to": "tea.example"}}),
        ("contacts", {"name": "x"}, {"email": "a@b"}, {"email": {"from": None, "to": "a@b"}}),
    ],
)
def test_each_kind_of_record_has_one(
    call: Call, kind: str, body: dict[str, Any], change: dict[str, Any], told: dict[str, Any]
) -> None:
    path = f"/api/{kind}/{call('POST', f'/api/{kind}', json=body).json()['id']}"
    call("PATCH", path, json=change)
    assert history(call, path)[0]["changes"] == told


def test_an_activity_has_one_too(call: Call) -> None:
    person = call("POST", "/api/contacts", json={"name": "x"}).json()["id"]
    made = call("POST", "/api/activities", json={"kind": "call", "subject": "a", "contact_id": person}).json()
    call("PATCH", f"/api/activities/{made['id']}", json={"occurred_at": "2030-01-01T14:00:00+01:00"})
    changes = history(call, f"/api/activities/{made['id']}")[0]["changes"]
    assert changes["occurred_at"]["to"] == "2030-01-01T13:00:00Z"


def test_who_deleted_a_record_is_told_to_its_owner(call: Call) -> None:
    made = call("POST", "/api/contacts", json={"name": "x"}).json()
    assert not {"deleted_at", "deleted_by"} & set(made)
    call("DELETE", f"/api/contacts/{made['id']}", **MANAGER)
    (gone,) = call("GET", "/api/contacts?deleted=true").json()["items"]
    assert gone["deleted_by"] == CAROL and gone["deleted_at"].endswith("Z")
    assert history(call, f"/api/contacts/{made['id']}")[0]["action"] == "delete"
    restored = call("POST", f"/api/contacts/{made['id']}/restore").json()
    assert not {"deleted_at", "deleted_by"} & set(restored)


def test_a_history_is_read_within_reach_alone(call: Call) -> None:
    path = f"/api/contacts/{call('POST', '/api/contacts', json={'name': 'x'}).json()['id']}/history"
    assert call("GET", path, sub=BOB, groups=["support"]).status_code == 404
    assert call("GET", path, sub=BOB, groups=["sales"]).status_code == 404
    assert call("GET", path, **MANAGER).status_code == 200
    assert call("GET", path, scope="crm:write").status_code == 403
    assert call("GET", "/api/contacts/0190a1b0-0000-7000-8000-0000000000ff/history").status_code == 404
    assert call("GET", f"{path}?limit=0").status_code == 422


def test_a_history_comes_in_pages(call: Call) -> None:
    path = f"/api/contacts/{call('POST', '/api/contacts', json={'name': 'x'}).json()['id']}"
    for number in range(4):
        call("PATCH", path, json={"name": f"x{number}"})
    seen, cursor = [], ""
    while True:
        page = call("GET", f"{path}/history?limit=2{cursor}").json()
        seen += [one["version"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [5, 4, 3, 2, 1]


def test_an_unlinked_contact_says_what_happened(call: Call) -> None:
    firm = call("POST", "/api/companies", json={"name": "Tea"}).json()["id"]
    made = call("POST", "/api/contacts", json={"name": "x", "company_id": firm}).json()
    call("DELETE", f"/api/companies/{firm}", **MANAGER)
    last = history(call, f"/api/contacts/{made['id']}")[0]
    assert (last["action"], last["actor"]["sub"]) == ("unlink", CAROL)
    assert last["changes"] == {"company_id": {"from": firm, "to": None}}


@pytest.mark.parametrize("query", ["", "?cursor=9", "?limit=1&cursor=1"])
def test_a_foreign_history_is_404_whatever_its_cursor(call: Call, query: str) -> None:
    contact = call("POST", "/api/contacts", json={"name": "Mad Hatter"}).json()["id"]
    assert call("GET", f"/api/contacts/{contact}/history{query}", sub=BOB, groups=["support"]).status_code == 404
