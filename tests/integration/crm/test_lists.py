"""Filters, orders, search and cursors, over HTTP; what they find is told in tests/contracts/crm."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.testing import BOB, CAROL, SettableClock
from tests.support.calls import Call


def names(call: Call, query: str, **claims: Any) -> list[str]:
    answer = call("GET", f"/api/contacts?{query}", **claims)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


@pytest.fixture
def three(call: Call, clock: SettableClock) -> dict[str, str]:
    """Three contacts of alice's, one in a company; return the company's id and the contacts'."""
    company = call("POST", "/api/companies", json={"name": "Tea & Sons", "domain": "tea.example"}).json()["id"]
    ids = {"company": company}
    for name, members in (
        ("Bill the Lizard", {}),
        ("Alice Liddell", {"email": "Alice@Tea.example", "company_id": company}),
        ("Caterpillar", {"phone": "+44 20 7946 0002"}),
    ):
        ids[name] = call("POST", "/api/contacts", json={"name": name, **members}).json()["id"]
        clock.advance(seconds=1)
    return ids


@pytest.mark.parametrize(
    ("sort", "order"),
    [("created_at", "BAC"), ("-created_at", "CAB"), ("name", "ABC"), ("-name", "CBA"), ("updated_at", "ACB")],
)
def test_lists_are_sorted(call: Call, three: dict[str, str], sort: str, order: str) -> None:
    call("PATCH", f"/api/contacts/{three['Bill the Lizard']}", json={"phone": "1"})
    assert [name[0] for name in names(call, f"sort={sort}")] == list(order)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=ALICE", ["Alice Liddell"]),
        ("email=alice@tea.EXAMPLE", ["Alice Liddell"]),
        ("email=alice", []),
        ("updated_since=2030-01-01T12:00:02Z", ["Caterpillar"]),
        ("updated_since=2030-01-01T13:00:02%2B01:00", ["Caterpillar"]),
        ("q=liz", ["Bill the Lizard"]),
        ("q=tea+ali", ["Alice Liddell"]),
        ("q=" + quote('"* OR -'), []),
        ("deleted=true", []),
        ("name=c&q=0002", ["Caterpillar"]),
    ],
)
def test_lists_are_filtered(call: Call, three: dict[str, str], query: str, found: list[str]) -> None:
    assert names(call, query) == found


def test_contacts_of_a_company(call: Call, three: dict[str, str]) -> None:
    assert names(call, f"company_id={three['company']}") == ["Alice Liddell"]


def test_a_foreign_company_and_one_that_never_was_are_refused_alike(call: Call, three: dict[str, str]) -> None:
    stranger: dict[str, Any] = {"sub": BOB, "groups": ["support"]}
    mine = call("POST", "/api/contacts", json={"name": "x"}, **stranger).headers["Location"]
    for ids in (three["company"], "0190a1b0-0000-7000-8000-00000000ffff"):
        body = {"name": "x", "company_id": ids}
        activity = {"kind": "note", "subject": "x", "company_id": ids}
        for answer in (
            call("GET", f"/api/contacts?company_id={ids}", **stranger),
            call("GET", f"/api/contacts/export?company_id={ids}", **stranger),
            call("GET", f"/api/activities?company_id={ids}", **stranger),
            call("POST", "/api/contacts", json=body, **stranger),
            call("PATCH", mine, json={"company_id": ids}, **stranger),
            call("POST", "/api/activities", json=activity, **stranger),
        ):
            assert answer.status_code == 422
            assert [error["msg"] for error in answer.json()["errors"]] == ["no such record"]
            assert answer.json()["errors"][0]["loc"][-1] == "company_id"


def test_a_deleted_company_can_be_named_no_more_and_its_contacts_lose_it(call: Call, three: dict[str, str]) -> None:
    call("DELETE", f"/api/companies/{three['company']}")
    assert call("GET", f"/api/contacts?company_id={three['company']}").status_code == 422
    contact = f"/api/contacts/{three['Alice Liddell']}"
    assert call("PATCH", contact, json={"name": "Alice"}).json()["company_id"] is None
    call("POST", f"/api/companies/{three['company']}/restore")
    assert names(call, f"company_id={three['company']}") == []  # ADR-0045


def test_a_cursor_is_good_for_its_own_list_alone(call: Call, three: dict[str, str]) -> None:
    cursor = call("GET", "/api/contacts?limit=1").json()["next_cursor"]
    assert names(call, f"limit=2&cursor={cursor}") == ["Alice Liddell", "Bill the Lizard"]  # another size is fine
    altered = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for query in (
        f"sort=name&cursor={cursor}",
        f"sort=created_at&cursor={cursor}",
        f"q=a&cursor={cursor}",
        f"deleted=true&cursor={cursor}",
        f"cursor={altered}",
    ):
        answer = call("GET", f"/api/contacts?{query}")
        assert answer.status_code == 422 and answer.json()["errors"][0]["loc"] == ["query", "cursor"]
    assert call("GET", f"/api/companies?cursor={cursor}").status_code == 422
    for claims in ({"sub": BOB}, {"sub": CAROL, "roles": ["manager"]}, {"sub": "client:job", "scope": "crm:read:all"}):
        assert call("GET", f"/api/contacts?cursor={cursor}", json=None, headers={}, **claims).status_code == 422


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name", "updated_at", "-updated_at"])
def test_every_order_pages_to_its_end(call: Call, three: dict[str, str], sort: str) -> None:
    whole = names(call, f"sort={sort}")
    paged: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = call("GET", f"/api/contacts?sort={sort}&limit=1{cursor and '&cursor='}{cursor}").json()
        paged += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert paged == whole


@pytest.mark.parametrize(
    "query",
    [
        "sort=phone",
        "sort=owner_sub",
        "sort=",
        "sort=name,created_at",
        "q=",
        "q=" + "x" * 201,
        "name=",
        "email=",
        "company_id=1",
        "updated_since=yesterday",
        "updated_since=5",
        "updated_since=2030-01-01T12:00:00",
        "updated_since=0001-01-01T00:00:00%2B23:59",
        "deleted=perhaps",
        "owner_sub=0190a1b0-0000-7000-8000-000000000b0b",
        "offset=3",
    ],
)
def test_a_query_that_does_not_fit_is_422(call: Call, query: str) -> None:
    assert call("GET", f"/api/contacts?{query}").status_code == 422


def test_a_question_of_nuls_and_marks_finds_nothing(call: Call, three: dict[str, str]) -> None:
    for question in ("%00", "%F0%9F%AB%96", "%EF%BF%BF", "'%3B--", "%22"):
        assert names(call, f"q={question}") == []
