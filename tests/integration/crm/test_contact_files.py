"""Contacts as files: import and export over HTTP; what a row means is told in tests/unit/crm/test_contact_csv.py."""

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.crm.app import create_app
from services.crm.settings import CrmSettings
from shared.limits import FILES_AT_ONCE
from shared.testing import ALICE, BOB, CAROL, FakeIssuer
from tests.support.calls import Call
from tests.support.csv_files import Files


def listed(call: Call) -> list[str]:
    return [item["name"] for item in call("GET", "/api/contacts?sort=name&limit=200").json()["items"]]


def test_a_file_is_imported_and_belongs_to_its_sender(files: Files, call: Call) -> None:
    company = call("POST", "/api/companies", json={"name": "Tea & Sons"}).json()["id"]
    file = (
        f"name,email,phone,company_id,owner_sub,id\nMad Hatter,h@tea.example,'+44,{company},{BOB},1\nMarch Hare,,,,,\n"
    )
    answer = files.send(file)
    assert (answer.status_code, answer.json()) == (200, {"imported": 2, "updated": 0, "unchanged": 0})
    assert answer.headers["Cache-Control"] == "no-store"
    assert listed(call) == ["Mad Hatter", "March Hare"]
    hatter = call("GET", "/api/contacts?q=hatter").json()["items"][0]
    assert (hatter["email"], hatter["phone"], hatter["company_id"]) == ("h@tea.example", "+44", company)
    assert call("GET", "/api/contacts", sub=BOB).json()["items"] == []


def test_a_file_with_faulty_rows_is_reported_by_row_and_not_imported_at_all(files: Files, call: Call) -> None:
    foreign = call("POST", "/api/companies", json={"name": "x"}, sub=BOB, groups=["support"]).json()["id"]
    rows = ["Good,,", ",a@b,", "Bad mail,nobody,", f"Foreign,,{foreign}", "No id,,1", "Too,many,,cells", "Good too,,"]
    answer = files.send("name,email,company_id\n" + "\n".join(rows) + "\n")
    assert answer.status_code == 422
    assert [error["loc"][:3] for error in answer.json()["errors"]] == [
        ["body", "3", "name"],
        ["body", "4", "email"],
        ["body", "5", "company_id"],
        ["body", "6", "company_id"],
        ["body", "7"],
    ]
    assert foreign not in answer.text and "nobody" not in answer.text
    assert listed(call) == []


def test_a_report_is_of_bounded_size(files: Files) -> None:
    answer = files.send("name\n" + '""\n' * 5000)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100 and "5000" in answer.json()["detail"]


@pytest.mark.parametrize(
    "file",
    [b"", b"email\na@b\n", b"\xff\xfe\x00", b'name\n"open\n', b"name,is_admin\nx,1\n", b"name\n" + b"x\n" * 50_001],
)
def test_a_file_that_is_none_is_422(files: Files, call: Call, file: bytes) -> None:
    answer = files.send(file)
    assert answer.status_code == 422 and answer.headers["Content-Type"] == "application/problem+json"
    assert listed(call) == []


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("text/csv; charset=utf-8", 200),
        ("Text/CSV; header=present; charset=UTF-8", 200),
        ("text/csv; charset=latin-1", 200),
        ('application/vnd.ms-excel; charset="windows-1252"', 200),
        ("text/csv; charset=koi8-r", 415),
        ("text/csv; header=absent", 415),
        ("application/json", 415),
        ("text/csvx", 415),
        ("", 415),
    ],
)
def test_only_csv_in_a_charset_that_is_known_is_taken(files: Files, media_type: str, status: int) -> None:
    assert files.send("name\nx\n", media_type).status_code == status


def test_a_file_may_be_larger_than_other_bodies_and_has_a_limit(files: Files, call: Call) -> None:
    assert files.send(b"name\n" + b"x\n" * 40_000).status_code == 200
    too_large = files.send(b"name\n" + b"x" * 20 * 1024 * 1024)
    assert too_large.status_code == 413


def test_a_file_without_an_announced_size_has_the_same_limit(client: TestClient, issuer: FakeIssuer) -> None:
    headers = {"Authorization": f"Bearer {issuer.access_token()}", "Content-Type": "text/csv"}
    chunks = (b"x" * 1024 * 1024 for _ in range(22))
    assert client.post("/api/contacts/import", content=chunks, headers=headers).status_code == 413


def test_the_larger_limit_is_for_files_of_known_callers_alone(client: TestClient, files: Files, call: Call) -> None:
    large = b"name\n" + b"x\n" * 40_000
    assert client.post("/api/contacts/import", content=large, headers={"Content-Type": "text/csv"}).status_code == 401
    assert files.send(large, scope="crm:read").status_code == 403
    assert files.send(large, sub="client:job", scope="crm:write").status_code == 403
    assert call("POST", "/api/contacts", json={"name": "x" * 70_000}).status_code == 413


def test_a_file_that_is_sent_again_after_a_lost_answer_is_imported_once(files: Files, call: Call) -> None:
    for _ in range(2):
        assert files.send("name\nx\n", key="import-1").json()["imported"] == 1
    assert listed(call) == ["x"]
    assert files.send("name\ny\n", key="import-1").status_code == 422
    assert files.send("name\ny\n", key="import-1", sub=BOB).json()["imported"] == 1


def test_an_export_is_what_the_list_shows_and_comes_back(files: Files, call: Call) -> None:
    names = ["=cmd|' /C calc'!A0", "+x", "-x", "@x", "'=x", 'Käthe, "the"\nfirst', "plain"]
    for name in names:
        call("POST", "/api/contacts", json={"name": name})
    call("POST", "/api/contacts", json={"name": "foreign"}, sub=BOB, groups=["support"])
    answer, rows = files.fetch("?sort=name")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contacts.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert rows[0] == ["id", "name", "email", "phone", "company_id", "created_at", "updated_at"]
    assert not [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r")]
    assert files.send(answer.content, sub=CAROL).json()["imported"] == len(names)
    copied = call("GET", "/api/contacts?sort=name", sub=CAROL).json()["items"]
    assert sorted(item["name"] for item in copied) == sorted(names)


def test_an_export_of_many_is_whole(files: Files, call: Call) -> None:
    files.send("name\n" + "".join(f"n{number:04}\n" for number in range(2500)))
    _, rows = files.fetch("?sort=name")
    assert [row[1] for row in rows[1:]] == [f"n{number:04}" for number in range(2500)]
    _, filtered = files.fetch("?name=n000")
    assert len(filtered) == 11


def test_an_empty_export_has_its_header(files: Files) -> None:
    answer, rows = files.fetch()
    assert answer.status_code == 200 and len(rows) == 1
    assert files.fetch("?limit=3")[0].status_code == 422
    assert files.fetch(scope="crm:write")[0].status_code == 403


def test_no_sender_takes_the_places_of_the_others(settings: CrmSettings, issuer: FakeIssuer) -> None:
    """Four files that never end, sent by one caller, kept everybody else from importing for two minutes."""
    app = create_app(settings, clock=issuer.clock, jwks_transport=issuer.transport())

    async def send(sub: str, arrives: asyncio.Event) -> int:
        headers = {"authorization": f"Bearer {issuer.access_token(sub=sub)}", "content-type": "text/csv"}
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/api/contacts/import",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        started: list[Any] = []

        async def receive() -> dict[str, Any]:
            await arrives.wait()
            return {"type": "http.request", "body": b"name\nx\n"}

        async def answer(message: Any) -> None:
            started.append(message)
            await asyncio.sleep(0)

        await app(scope, receive, answer)
        return int(started[0]["status"])

    async def attack() -> None:
        never, now = asyncio.Event(), asyncio.Event()
        now.set()
        assert await send(ALICE, now) == 200  # the keys are there
        slow = [asyncio.create_task(send(ALICE, never)) for _ in range(FILES_AT_ONCE)]
        refused, _ = await asyncio.wait(slow, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result() for task in refused} == {503}
        assert await send(BOB, now) == 200
        never.set()
        assert sorted(await asyncio.gather(*slow)) == [200] + [503] * (FILES_AT_ONCE - 1)
        assert await send(ALICE, now) == 200  # its place is free again

    asyncio.run(attack())
