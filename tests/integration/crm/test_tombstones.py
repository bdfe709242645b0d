"""What a client that synchronises learns of deletions: a list by `updated_since` tells of each, once."""

from typing import Any

import pytest

from shared.testing import BOB, CAROL, SettableClock
from tests.support.calls import Call

STRANGER: dict[str, Any] = {"sub": BOB, "groups": ["support"]}
MANAGER: dict[str, Any] = {"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}
MACHINE: dict[str, Any] = {"sub": "client:reports-job", "client_id": "reports-job", "scope": "crm:read:all"}
SINCE = "2030-01-01T12:00:10Z"


@pytest.fixture
def synchronised(call: Call, clock: SettableClock) -> dict[str, str]:
    """Make contacts, and change some of them after SINCE; return their ids."""
    ids = {name: call("POST", "/api/contacts", json={"name": name}).json()["id"] for name in ("old", "early", "gone")}
    call("DELETE", f"/api/contacts/{ids['early']}")
    clock.advance(seconds=10)
    ids["new"] = call("POST", "/api/contacts", json={"name": "new"}).json()["id"]
    clock.advance(seconds=1)
    call("DELETE", f"/api/contacts/{ids['gone']}")
    return ids


def listed(call: Call, query: str, **claims: Any) -> list[dict[str, Any]]:
    answer = call("GET", f"/api/contacts?{query}", **claims)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize("claims", [{}, MANAGER, MACHINE])
@pytest.mark.parametrize("sort", ["updated_at", "-updated_at", "created_at", "name"])
def test_what_was_deleted_since_comes_as_its_id_and_when(
    call: Call, synchronised: dict[str, str], claims: dict[str, Any], sort: str
) -> None:
    items = listed(call, f"updated_since={SINCE}&sort={sort}", **claims)
    tombstone = {"id": synchronised["gone"], "deleted_at": "2030-01-01T12:00:11Z"}
    assert [item for item in items if "name" not in item] == [tombstone]
    assert [item["id"] for item in items if "name" in item] == [synchronised["new"]]


def test_pages_of_one_carry_each_once_and_in_order(call: Call, synchronised: dict[str, str]) -> None:
    seen, cursor = [], ""
    while True:
        answer = call("GET", f"/api/contacts?updated_since={SINCE}&sort=updated_at&limit=1{cursor}").json()
        seen += [item["id"] for item in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert seen == [synchronised["new"], synchronised["gone"]]


def test_tombstones_come_to_nobody_else_and_in_no_other_list(call: Call, synchronised: dict[str, str]) -> None:
    assert listed(call, f"updated_since={SINCE}", **STRANGER) == []
    assert {item["name"] for item in listed(call, "")} == {"old", "new"}
    assert {item["name"] for item in listed(call, f"updated_since={SINCE}&deleted=true")} == {"gone"}
    exported = call("GET", f"/api/contacts/export?updated_since={SINCE}")
    assert synchronised["new"] in exported.text
    assert synchronised["gone"] not in exported.text


def test_a_restored_record_comes_back_whole(call: Call, synchronised: dict[str, str], clock: SettableClock) -> None:
    clock.advance(seconds=1)
    call("POST", f"/api/contacts/{synchronised['gone']}/restore", json=None)
    assert {item["name"] for item in listed(call, f"updated_since={SINCE}")} == {"new", "gone"}
