"""What a record names: checked when it changes, and by the rights of the record's owner (ADR-0045)."""

from typing import Any

import pytest

from shared.testing import BOB, CAROL
from tests.support.calls import Call

MANAGER: dict[str, Any] = {"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}
UNKNOWN = "0190a1b0-0000-7000-8000-0000000000ff"


def company(call: Call, name: str = "Tea & Sons", **caller: Any) -> str:
    return str(call("POST", "/api/companies", json={"name": name}, **caller).json()["id"])


def contact(call: Call, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = call("POST", "/api/contacts", json={"name": "Mad Hatter", **members}).json()
    return made


def as_read(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("name", "email", "phone", "company_id")}


def test_a_manager_gives_a_contact_no_company_that_its_owner_could_not_keep(call: Call) -> None:
    made, managers = contact(call), company(call, **MANAGER)
    answer = call("PATCH", f"/api/contacts/{made['id']}", json={"company_id": managers}, **MANAGER)
    assert answer.status_code == 422 and answer.json()["errors"][0]["loc"] == ["body", "company_id"]
    owners = company(call)
    answer = call("PATCH", f"/api/contacts/{made['id']}", json={"company_id": owners}, **MANAGER)
    assert answer.json()["company_id"] == owners


def test_a_manager_gives_her_own_contact_a_company_of_her_team(call: Call) -> None:
    of_the_team = company(call)
    made = call("POST", "/api/contacts", json={"name": "x", "company_id": of_the_team}, **MANAGER).json()
    # no manager any more, she saves the contact as she reads it; another company of the team is beyond her
    former: dict[str, Any] = {**MANAGER, "roles": []}
    assert call("PATCH", f"/api/contacts/{made['id']}", json=as_read(made), **former).status_code == 200
    other = {"company_id": company(call, "other")}
    assert call("PATCH", f"/api/contacts/{made['id']}", json=other, **former).status_code == 422


@pytest.mark.parametrize("restored", [False, True])
def test_a_contact_can_be_saved_as_it_is_read_after_its_company_is_deleted(call: Call, restored: bool) -> None:
    firm = company(call)
    made = contact(call, company_id=firm)
    assert call("DELETE", f"/api/companies/{firm}").status_code == 204
    if restored:
        assert call("POST", f"/api/companies/{firm}/restore").status_code == 200
    read = call("GET", f"/api/contacts/{made['id']}")
    assert read.json()["company_id"] is None
    assert call("PATCH", f"/api/contacts/{made['id']}", json=as_read(read.json())).status_code == 200
    # whoever had read it before is told by the entity tag, and by the list of what changed
    stale = call("PATCH", f"/api/contacts/{made['id']}", json={"name": "x"}, headers={"If-Match": '"1-0"'})
    assert stale.status_code == 412


def test_deleting_a_company_unlinks_everybodys_contacts(call: Call) -> None:
    firm = company(call)
    hers = call("POST", "/api/contacts", json={"name": "hers", "company_id": firm}, **MANAGER).json()
    call("DELETE", f"/api/companies/{firm}")
    assert call("GET", f"/api/contacts/{hers['id']}", **MANAGER).json()["company_id"] is None


def test_a_refused_deletion_unlinks_nothing(call: Call) -> None:
    firm = company(call)
    made = contact(call, company_id=firm)
    assert call("DELETE", f"/api/companies/{firm}", headers={"If-Match": '"9-0"'}).status_code == 412
    assert call("DELETE", f"/api/companies/{firm}", sub=BOB, groups=["support"]).status_code == 404
    assert call("GET", f"/api/contacts/{made['id']}").json()["company_id"] == firm


def test_activities_keep_what_they_are_on_and_can_be_saved(call: Call) -> None:
    firm = company(call)
    made = call("POST", "/api/activities", json={"kind": "note", "subject": "x", "company_id": firm}).json()
    call("DELETE", f"/api/companies/{firm}")
    answer = call("PATCH", f"/api/activities/{made['id']}", json={"subject": made["subject"], "body": made["body"]})
    assert answer.status_code == 200 and answer.json()["company_id"] == firm


@pytest.mark.parametrize("precondition", [{}, {"If-Match": "*"}])
def test_a_new_reference_is_checked_as_before(call: Call, precondition: dict[str, str]) -> None:
    made, foreign = contact(call), company(call, sub=BOB, groups=["support"])
    for other in (UNKNOWN, foreign):
        answer = call("PATCH", f"/api/contacts/{made['id']}", json={"company_id": other}, headers=precondition)
        assert answer.status_code == 422
    assert call("GET", f"/api/contacts/{made['id']}").json()["company_id"] is None
