"""Files that change contacts by their id: what goes out and comes back changes nothing and doubles nothing."""

from typing import Any

import pytest

from shared.testing import BOB, CAROL
from tests.support.calls import Call
from tests.support.csv_files import Files

MANAGER: dict[str, Any] = {"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}


def made(call: Call, **members: Any) -> dict[str, Any]:
    contact: dict[str, Any] = call("POST", "/api/contacts", json={"name": "Mad Hatter", **members}).json()
    return contact


def report(imported: int = 0, updated: int = 0, unchanged: int = 0) -> dict[str, int]:
    return {"imported": imported, "updated": updated, "unchanged": unchanged}


def test_an_export_imported_again_changes_nothing_and_doubles_nothing(files: Files, call: Call) -> None:
    firm = call("POST", "/api/companies", json={"name": "Tea"}).json()["id"]
    for name in ("=1+1", "'x", "plain"):
        made(call, name=name, company_id=firm, phone="+44")
    before = call("GET", "/api/contacts").json()
    exported, _ = files.fetch()
    assert files.send(exported.content).json() == report(unchanged=3)
    assert call("GET", "/api/contacts").json() == before


def test_her_own_export_comes_back_though_a_company_in_it_is_beyond_her(files: Files, call: Call) -> None:
    of_the_team = call("POST", "/api/companies", json={"name": "Tea"}).json()["id"]
    call("POST", "/api/contacts", json={"name": "x", "company_id": of_the_team}, **MANAGER)
    former: dict[str, Any] = {**MANAGER, "roles": []}
    exported, _ = files.fetch(**former)
    assert of_the_team in exported.text
    assert files.send(exported.content, **former).json() == report(unchanged=1)


def test_a_row_changes_what_it_names_and_a_column_that_is_missing_stays(files: Files, call: Call) -> None:
    one = made(call, email="a@b", phone="1")
    file = f"id,name,email\n{one['id']},March Hare,\n,New,\n"
    assert files.send(file).json() == report(imported=1, updated=1)
    now = call("GET", f"/api/contacts/{one['id']}").json()
    assert (now["name"], now["email"], now["phone"]) == ("March Hare", None, "1")
    told = call("GET", f"/api/contacts/{one['id']}/history").json()["items"][0]
    assert set(told["changes"]) == {"name", "email"}


def test_a_manager_changes_her_teams_contacts_and_keeps_their_owner(files: Files, call: Call) -> None:
    one = made(call)
    assert files.send(f"id,phone,name\n{one['id']},1,Mad Hatter\n", **MANAGER).json() == report(updated=1)
    assert call("GET", f"/api/contacts/{one['id']}").json()["phone"] == "1"
    managers = call("POST", "/api/companies", json={"name": "hers"}, **MANAGER).json()["id"]
    refused = files.send(f"id,name,company_id\n{one['id']},x,{managers}\n", **MANAGER)
    assert refused.status_code == 422 and refused.json()["errors"][0]["loc"] == ["body", "2", "company_id"]


@pytest.mark.parametrize("caller", [{"sub": BOB, "groups": ["support"]}, {"sub": CAROL, "groups": ["sales"]}])
def test_an_id_beyond_reach_is_ignored_and_tells_nothing(files: Files, call: Call, caller: dict[str, Any]) -> None:
    one = made(call)
    unknown = "0190a1b0-0000-7000-8000-0000000000ff"
    for identifier in (one["id"], unknown, "1"):
        assert files.send(f"id,name\n{identifier},Copy\n", **caller).json() == report(imported=1)
    assert call("GET", f"/api/contacts/{one['id']}").json() == one


def test_a_deleted_contact_comes_back_by_the_file_that_has_it(files: Files, call: Call) -> None:
    one = made(call)
    exported, _ = files.fetch()
    call("DELETE", f"/api/contacts/{one['id']}")
    assert files.send(exported.content).json() == report(updated=1)
    assert call("GET", f"/api/contacts/{one['id']}").json()["name"] == "Mad Hatter"


def test_faults_of_rows_that_change_are_told_by_their_number(files: Files, call: Call) -> None:
    one = made(call)
    rows = f"{one['id']},,a@b\n{one['id']},x,nobody\n,\u200b,\n{one['id']},x,\n{one['id']},y,\n"
    answer = files.send(f"id,name,email\n{rows}")
    assert answer.status_code == 422
    assert [error["loc"][1:] for error in answer.json()["errors"]] == [
        ["2", "name"],
        ["3", "email"],
        ["4", "name"],
        ["6", "id"],
    ]
    assert call("GET", f"/api/contacts/{one['id']}").json() == one


def test_names_that_show_nothing_are_refused_unless_they_are_there_already(call: Call) -> None:
    assert call("POST", "/api/contacts", json={"name": "\u200b"}).status_code == 422
    assert call("POST", "/api/companies", json={"name": "\u3164"}).status_code == 422
    one = made(call)
    assert call("PATCH", f"/api/contacts/{one['id']}", json={"name": "\u2800"}).status_code == 422
