from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from shared.testing import ALICE, BOB, CAROL, FakeIssuer, SettableClock
from tests.support.calls import Call

HATTER = {"name": "Mad Hatter", "email": "hatter@tea.example", "phone": "+44 20 7946 0001"}


@pytest.mark.requirement("RFC6750-2.3")
def test_a_contact_that_was_added_can_be_read(call: Call) -> None:
    added = call("POST", "/api/contacts", json=HATTER)
    assert added.status_code == 201
    contact = added.json()
    assert added.headers["Location"] == f"/api/contacts/{contact['id']}"
    assert UUID(contact.pop("id")).version == 7
    moments = {"created_at": "2030-01-01T12:00:00Z", "updated_at": "2030-01-01T12:00:00Z"}
    assert contact == {**HATTER, "company_id": None, **moments}

    read = call("GET", added.headers["Location"])
    assert read.status_code == 200
    assert read.json() == added.json()
    assert read.headers["Cache-Control"] == "no-store"


def test_pages_run_newest_first_and_survive_an_insert(call: Call, clock: SettableClock) -> None:
    for number in range(5):
        call("POST", "/api/contacts", json={"name": f"Card {number}"})
        if number != 2:  # two of them share a moment
            clock.advance(seconds=1)
    first = call("GET", "/api/contacts?limit=2").json()
    call("POST", "/api/contacts", json={"name": "Latecomer"})
    second = call("GET", f"/api/contacts?limit=2&cursor={first['next_cursor']}").json()
    third = call("GET", f"/api/contacts?limit=2&cursor={second['next_cursor']}").json()
    names = [item["name"] for page in (first, second, third) for item in page["items"]]
    assert names == ["Card 4", "Card 3", "Card 2", "Card 1", "Card 0"]
    assert third["next_cursor"] is None


def test_a_list_that_fits_has_no_next_page(call: Call) -> None:
    assert call("GET", "/api/contacts").json() == {"items": [], "next_cursor": None}
    call("POST", "/api/contacts", json=HATTER)
    page = call("GET", "/api/contacts?limit=1").json()
    assert len(page["items"]) == 1 and page["next_cursor"] is None


@pytest.mark.requirement("ASVS-10.3.2")
@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"sub": ALICE, "groups": ["sales"]}, 200),
        ({"sub": ALICE, "groups": []}, 200),  # one's own, whatever team one is in now
        ({"sub": BOB, "groups": ["support"], "roles": ["manager"]}, 404),
        ({"sub": BOB, "groups": ["sales"]}, 404),  # a colleague is not a manager
        ({"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}, 200),
        ({"sub": CAROL, "groups": [], "roles": ["manager"]}, 404),
        ({"sub": "client:reports-job", "scope": "crm:read"}, 404),
        ({"sub": "client:reports-job", "scope": "crm:read crm:read:all"}, 200),
        ({"sub": "client:reports-job", "scope": "crm:read:all"}, 200),
        ({"sub": BOB, "groups": ["support"], "scope": "crm:read crm:read:all"}, 404),  # it is for machines alone
    ],
)
def test_who_sees_a_contact_of_alice(call: Call, claims: dict[str, Any], status: int) -> None:
    contact = call("POST", "/api/contacts", json=HATTER).json()
    read = call("GET", f"/api/contacts/{contact['id']}", **claims)
    assert read.status_code == status
    listed = call("GET", "/api/contacts", **claims).json()["items"]
    assert listed == ([contact] if status == 200 else [])


def test_two_people_without_a_team_are_no_team(call: Call) -> None:
    contact = call("POST", "/api/contacts", json=HATTER, groups=[]).json()
    assert call("GET", f"/api/contacts/{contact['id']}", sub=CAROL, groups=[], roles=["manager"]).status_code == 404


def test_a_foreign_id_and_an_unknown_one_look_alike(call: Call) -> None:
    contact = call("POST", "/api/contacts", json=HATTER).json()
    foreign = call("GET", f"/api/contacts/{contact['id']}", sub=BOB, groups=["support"])
    unknown = call("GET", "/api/contacts/0190a1b0-0000-7000-8000-00000000ffff", sub=BOB, groups=["support"])
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.headers["Content-Type"] == "application/problem+json"
    assert {**foreign.json(), "instance": ""} == {**unknown.json(), "instance": ""}


@pytest.mark.parametrize("member", ["id", "owner_sub", "owner_team", "created_at", "updated_at", "is_admin"])
def test_a_member_that_is_not_the_callers_to_set_is_refused(call: Call, member: str) -> None:
    answer = call("POST", "/api/contacts", json={**HATTER, member: BOB})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", member]
    assert call("GET", "/api/contacts").json()["items"] == []


def test_a_machine_client_cannot_own_a_contact(call: Call) -> None:
    answer = call("POST", "/api/contacts", json=HATTER, sub="client:reports-job", scope="crm:write")
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        None,
        {"name": ""},
        {"name": "   "},
        {"name": None},
        {"name": 7},
        {"name": "x" * 201},
        {"name": "nul\x00"},
        {"name": "half \ud800 a pair"},
        {"name": "x", "email": "nobody"},
        {"name": "x", "email": "a@b\x00c"},
        {"name": "x", "email": "a@" + "b" * 300},
        {"name": "x", "phone": "1" * 51},
        {"name": "x", "phone": "nul\x00"},
        {"name": "x", "company_id": "0190a1b0-0000-7000-8000-00000000ffff"},
    ],
)
def test_a_body_that_does_not_fit_is_422(call: Call, body: object) -> None:
    answer = call("POST", "/api/contacts", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"]


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[" * 60_000, b'{"name": NaN}', b'{"name": 1e999}'])
def test_a_body_that_is_not_json_is_a_client_error(client: TestClient, issuer: FakeIssuer, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {issuer.access_token()}", "Content-Type": "application/json"}
    assert client.post("/api/contacts", content=content, headers=headers).status_code in {400, 422}


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_another_content_type_is_415(client: TestClient, issuer: FakeIssuer, media_type: str) -> None:
    headers = {"Authorization": f"Bearer {issuer.access_token()}", "Content-Type": media_type}
    answer = client.post("/api/contacts", content=b'{"name": "x"}', headers=headers)
    assert answer.status_code == 415
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
def test_json_by_any_of_its_names_is_taken(client: TestClient, issuer: FakeIssuer, media_type: str) -> None:
    headers = {"Authorization": f"Bearer {issuer.access_token()}", "Content-Type": media_type}
    assert client.post("/api/contacts", content=b'{"name": "x"}', headers=headers).status_code == 201


def test_a_body_over_the_limit_is_413(client: TestClient, issuer: FakeIssuer) -> None:
    headers = {"Authorization": f"Bearer {issuer.access_token()}", "Content-Type": "application/json"}
    answer = client.post("/api/contacts", content=b" " * 70_000, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=99999999999999999999",
        "cursor=",
        "cursor=x",
        "cursor=%00",
        "cursor=é",
        "cursor=" + "W1tb" * 40,
        "cursor=" + "a" * 5000,
        # 0001-01-01 at +23:59: there is no such moment in UTC
        "cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5IiwgIjAxOTBhMWIwMDAwMDcwMDA4MDAwMDAwMDAwMDBjMDAxIl0",
    ],
)
def test_a_bad_page_query_is_422(call: Call, query: str) -> None:
    assert call("GET", f"/api/contacts?{query}").status_code == 422


def test_an_id_that_is_no_uuid_is_a_client_error(call: Call) -> None:
    assert call("GET", "/api/contacts/1%20OR%201=1").status_code == 422


def test_unknown_paths_and_methods_are_problems_too(call: Call) -> None:
    assert call("GET", "/api/unknown").headers["Content-Type"] == "application/problem+json"
    refused = call("DELETE", "/api/contacts")
    assert refused.status_code == 405 and refused.headers["Content-Type"] == "application/problem+json"


def test_a_body_full_of_mistakes_gets_an_answer_of_bounded_size(client: TestClient, issuer: FakeIssuer) -> None:
    headers = {"Authorization": f"Bearer {issuer.access_token()}"}
    answer = client.post("/api/contacts", json={f"x{number}": 1 for number in range(1900)}, headers=headers)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100
    assert "1901" in answer.json()["detail"]
    answer = client.post("/api/contacts", json={f"x{number}": 1 for number in range(5000)}, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (422, "The body has more than 2000 members.")
