"""Changing, deleting and restoring: the same of companies, contacts and activities."""

from typing import Any

import pytest

from shared.testing import BOB, CAROL, SettableClock
from tests.support.calls import Call

HATTER = {"name": "Mad Hatter", "email": "hatter@tea.example", "phone": "+44 20 7946 0001"}
MANAGER: dict[str, Any] = {"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}
STRANGER: dict[str, Any] = {"sub": BOB, "groups": ["support"], "roles": ["manager"]}
MACHINE: dict[str, Any] = {"sub": "client:job", "scope": "crm:read crm:read:all crm:write"}
KINDS = ["contacts", "companies", "activities"]


def made(call: Call, kind: str) -> str:
    """Add a record of the kind as alice and return its address."""
    body: dict[str, Any] = {"name": "Mad Hatter"}
    if kind == "activities":
        contact = call("POST", "/api/contacts", json=body).json()["id"]
        body = {"kind": "note", "subject": "Riddle", "contact_id": contact}
    answer = call("POST", f"/api/{kind}", json=body)
    assert answer.status_code == 201
    return answer.headers["Location"]


def patch_of(kind: str) -> dict[str, Any]:
    return {"subject": "Answer"} if kind == "activities" else {"name": "March Hare"}


def test_a_patch_sets_what_is_sent_removes_what_is_null_and_leaves_the_rest(call: Call, clock: SettableClock) -> None:
    """Spec: RFC 7396."""
    contact = call("POST", "/api/contacts", json=HATTER).json()
    clock.advance(seconds=1)
    changed = call("PATCH", f"/api/contacts/{contact['id']}", json={"name": " March Hare ", "phone": None})
    assert changed.status_code == 200
    expected = {**contact, "name": "March Hare", "phone": None, "updated_at": "2030-01-01T12:00:01Z"}
    assert changed.json() == expected
    assert call("GET", f"/api/contacts/{contact['id']}").json() == expected


@pytest.mark.parametrize("body", [{}, HATTER])
def test_a_patch_that_changes_nothing_keeps_the_entity_tag(call: Call, clock: SettableClock, body: Any) -> None:
    added = call("POST", "/api/contacts", json=HATTER)
    clock.advance(seconds=1)
    answer = call("PATCH", added.headers["Location"], json=body)
    assert answer.json() == added.json() and answer.headers["ETag"] == added.headers["ETag"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": None},
        {"name": ""},
        {"email": "nobody"},
        {"owner_sub": BOB},
        {"id": "0190a1b0-0000-7000-8000-00000000ffff"},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"version": 1},
        {"deleted_at": None},
        {"company_id": "0190a1b0-0000-7000-8000-00000000ffff"},
        [],
        None,
    ],
)
def test_a_patch_that_does_not_fit_is_422_and_changes_nothing(call: Call, body: Any) -> None:
    added = call("POST", "/api/contacts", json=HATTER)
    assert call("PATCH", added.headers["Location"], json=body).status_code == 422
    assert call("GET", added.headers["Location"]).json() == added.json()


def test_an_activity_stays_on_what_it_is_on(call: Call) -> None:
    at = made(call, "activities")
    for body in ({"contact_id": None}, {"kind": "call"}, {"company_id": None}, {"occurred_at": None}):
        assert call("PATCH", at, json=body).status_code == 422


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_with_one_record_has_its_entity_tag(call: Call, kind: str, clock: SettableClock) -> None:
    at = made(call, kind)
    read = call("GET", at)
    clock.advance(seconds=1)
    changed = call("PATCH", at, json=patch_of(kind), headers={"Content-Type": "application/merge-patch+json"})
    assert read.headers["ETag"].startswith('"') and changed.headers["ETag"] != read.headers["ETag"]
    assert call("GET", at).headers["ETag"] == changed.headers["ETag"]
    assert call("POST", f"{at}/restore").headers["ETag"] == changed.headers["ETag"]
    assert call("GET", at, headers={"If-None-Match": changed.headers["ETag"]}).status_code == 304
    assert call("GET", at, headers={"If-None-Match": read.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_another_state_is_412_and_not_made(call: Call, kind: str) -> None:
    at = made(call, kind)
    before = call("GET", at)
    for line in ('"another"', f"W/{before.headers['ETag']}"):
        for method, to in (("PATCH", at), ("DELETE", at), ("POST", f"{at}/restore")):
            answer = call(method, to, json=patch_of(kind), headers={"If-Match": line})
            assert answer.status_code == 412
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert call("GET", at).json() == before.json()


@pytest.mark.parametrize("line", ["{tag}", "*", '"x", {tag}'])
def test_a_change_of_the_state_that_was_seen_is_made(call: Call, line: str) -> None:
    at = made(call, "contacts")
    line = line.format(tag=call("GET", at).headers["ETag"])
    assert call("PATCH", at, json={"name": "March Hare"}, headers={"If-Match": line}).status_code == 200


def test_a_precondition_that_is_none_is_400(call: Call) -> None:
    at = made(call, "contacts")
    assert call("PATCH", at, json={"name": "x"}, headers={"If-Match": "xyz"}).status_code == 400
    assert call("GET", at, headers={"If-None-Match": "xyz"}).status_code == 400


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_record_is_gone_until_it_is_restored(call: Call, kind: str) -> None:
    at = made(call, kind)
    record = call("GET", at).json()
    gone = call("DELETE", at)
    assert (gone.status_code, gone.content) == (204, b"")
    for answer in (call("GET", at), call("PATCH", at, json=patch_of(kind)), call("DELETE", at)):
        assert answer.status_code == 404
    assert call("GET", f"/api/{kind}").json()["items"] == []
    assert [one["id"] for one in call("GET", f"/api/{kind}?deleted=true").json()["items"]] == [record["id"]]
    for _ in range(2):  # again, as after a lost answer
        restored = call("POST", f"{at}/restore")
        assert restored.status_code == 200 and restored.json()["id"] == record["id"]
    assert call("GET", at).json() == restored.json()
    assert call("GET", f"/api/{kind}?deleted=true").json()["items"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_changes_deletes_restores_nothing_and_cannot_tell_it_from_nothing(call: Call, kind: str) -> None:
    at, unknown = made(call, kind), f"/api/{kind}/0190a1b0-0000-7000-8000-00000000ffff"
    before = call("GET", at)
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/restore")):
        foreign = call(method, at + path, json=patch_of(kind), headers={"If-Match": "*"}, **STRANGER)
        nothing = call(method, unknown + path, json=patch_of(kind), headers={"If-Match": "*"}, **STRANGER)
        assert foreign.status_code == nothing.status_code == 404
        assert {**foreign.json(), "instance": ""} == {**nothing.json(), "instance": ""}
    assert call("GET", at).headers["ETag"] == before.headers["ETag"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_manager_changes_the_teams_records_and_their_owner_stays(call: Call, kind: str) -> None:
    at = made(call, kind)
    assert call("PATCH", at, json=patch_of(kind), **MANAGER).status_code == 200
    assert call("DELETE", at, **MANAGER).status_code == 204
    (found,) = call("GET", f"/api/{kind}?deleted=true", **MANAGER).json()["items"]  # she finds what she deleted
    assert found["id"] == at.rpartition("/")[2]
    assert call("GET", f"/api/{kind}?deleted=true", **STRANGER).json()["items"] == []
    assert call("POST", f"{at}/restore", **MANAGER).status_code == 200
    assert call("GET", at).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_machine_client_writes_nothing_whatever_its_scopes(call: Call, kind: str) -> None:
    at = made(call, kind)
    assert call("GET", at, **MACHINE).status_code == 200
    for method, path in (("PATCH", at), ("DELETE", at), ("POST", f"{at}/restore"), ("POST", f"/api/{kind}")):
        body = {"kind": "note", "subject": "x", "contact_id": at[-36:]} if kind == "activities" else {"name": "x"}
        answer = call(method, path, json=patch_of(kind) if path == at else body, **MACHINE)
        assert answer.status_code == 403


def test_a_read_scope_changes_nothing(call: Call) -> None:
    at = made(call, "contacts")
    for method, path in (("PATCH", at), ("DELETE", at), ("POST", f"{at}/restore")):
        answer = call(method, path, json={"name": "x"}, scope="crm:read")
        assert answer.status_code == 403 and 'scope="crm:write"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_answer_can_be_asked_for_again(call: Call, kind: str) -> None:
    parent = call("POST", "/api/contacts", json=HATTER).json()["id"]
    body = {"kind": "note", "subject": "x", "contact_id": parent} if kind == "activities" else {"name": "x"}
    key = {"Idempotency-Key": "0001"}
    first, again = (call("POST", f"/api/{kind}", json=body, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json() and again.headers["ETag"] == first.headers["ETag"]
    others = {**body, "subject": "y"} if kind == "activities" else {"name": "y"}
    assert call("POST", f"/api/{kind}", json=others, headers=key).status_code == 422
    assert len(call("GET", f"/api/{kind}").json()["items"]) == (2 if kind == "contacts" else 1)


@pytest.mark.parametrize(
    "now",
    [
        {"roles": []},
        {"roles": ["Manager"]},
        {"groups": []},
        {"groups": [""]},
        {"groups": ["support"]},
        {"groups": ["support", "sales"]},
    ],
    ids=str,
)
def test_who_was_a_manager_gets_no_stored_answer_of_that_time(call: Call, now: dict[str, Any]) -> None:
    at = call("POST", "/api/contacts", json={"name": "x"}).headers["Location"]
    call("DELETE", at)
    key = {"Idempotency-Key": "k"}
    assert call("POST", f"{at}/restore", headers=key, **MANAGER).status_code == 200
    assert call("POST", f"{at}/restore", headers=key, **{**MANAGER, **now}).status_code == 404
    assert call("GET", at, **{**MANAGER, **now}).status_code == 404


@pytest.mark.parametrize("groups", [[], [""]], ids=str)
def test_people_without_a_team_are_no_team(call: Call, groups: list[str]) -> None:
    at = call("POST", "/api/contacts", json={"name": "x"}, groups=groups).headers["Location"]
    assert call("GET", at, groups=groups).status_code == 200
    assert call("GET", at, sub=CAROL, roles=["manager"], groups=groups).status_code == 404
