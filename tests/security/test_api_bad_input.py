"""Input that no client sends by mistake, at both APIs, on both backends: a clear 4xx, at once, and never a 5xx."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from shared.api.listing import Listing
from shared.api.pagination import Cursor
from shared.api.reach import Reach
from shared.testing import ALICE
from tests.support.apis import ALICES, SERVICES, UNKNOWN, Api, running_api

NAMES = Listing("name", descending=False).identity("contacts", Reach(subject=ALICE))


@pytest.fixture
def crm(tmp_path: Path, database_url: str) -> Iterator[Api]:
    with running_api("crm", tmp_path, database_url) as running:
        yield running


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Iterator[Api]:
    with running_api(request.param, tmp_path, database_url) as running:
        yield running


def test_nul_in_a_filter_is_422(crm: Api) -> None:
    """PostgreSQL has no NUL in text: asked with one it raises, which was a 500."""
    for path in ("contacts?name=", "contacts?email=", "companies?name="):
        for sent in ("%00", "a%00b"):
            answer = crm.call(ALICES, "GET", f"/api/{path}{sent}")
            assert (answer.status_code, answer.json()["errors"][0]["loc"][0]) == (422, "query")
    assert crm.call(ALICES, "GET", "/api/contacts?q=%00").json()["items"] == []


def test_a_forged_cursor_that_holds_nul_is_422(crm: Api) -> None:
    """The checksum of a cursor is not a secret: whoever reads this source makes one for any place."""
    forged = Cursor("a\0b", UUID(UNKNOWN)).encode(NAMES)
    assert crm.call(ALICES, "GET", f"/api/contacts?sort=name&cursor={forged}").status_code == 422


def test_a_forged_cursor_at_the_ends_of_time_is_a_place_like_another(api: Api) -> None:
    api.seed(count=1)
    path = next(iter(api.lists))
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)):
        resource = path.rpartition("/")[2]
        listing = Listing().identity(resource, Reach(subject=ALICE))
        forged = Cursor(moment, UUID(UNKNOWN)).encode(listing)
        assert api.call(ALICES, "GET", f"{path}?cursor={forged}").status_code == 200


def test_the_next_page_after_the_longest_name_can_be_asked_for(crm: Api) -> None:
    """A name of signs that JSON escapes made a cursor that the list itself refused: a way to hide what comes after."""
    for letter in "ab":
        crm.call(ALICES, "POST", "/api/contacts", {"name": letter + "\x01" * 199})
    first = crm.call(ALICES, "GET", "/api/contacts?sort=name&limit=1").json()
    second = crm.call(ALICES, "GET", f"/api/contacts?sort=name&limit=1&cursor={first['next_cursor']}")
    assert second.status_code == 200
    assert [item["name"][0] for item in first["items"] + second.json()["items"]] == ["a", "b"]


BODIES = (
    b'{"name":"\\ud800"}',
    b'{"\\udfff":1}',
    b'{"name":NaN}',
    b'{"name":1e400}',
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'{"name":' + b"9" * 5_000 + b"}",
    b'{"name":"\xff"}',
    b'{"name":"a\\u0000"}',
    b"null",
    b"\x00",
)


def test_no_text_in_a_body_is_an_error_of_ours(api: Api) -> None:
    for path in api.lists:
        for text in BODIES:
            for keyed in ({}, {"Idempotency-Key": "k"}):
                headers = {**api.headers(ALICES), "Content-Type": "application/json", **keyed}
                answer = api.client.post(path, content=text, headers=headers)
                assert answer.status_code in {400, 422}, text[:20]
                assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_moment_in_another_form_than_rfc_3339_is_422(crm: Api) -> None:
    assert crm.call(ALICES, "GET", "/api/contacts?updated_since=2026-01-01T00:00:00%2B01:00").status_code == 200
    for other in ("1700000000", "2026-01-01", "2026-01-01T00Z", "2026-01-01 00:00:00Z", "20260101T000000Z"):
        assert crm.call(ALICES, "GET", f"/api/contacts?updated_since={other}").status_code == 422, other


def test_no_content_type_of_a_file_takes_for_ever(crm: Api) -> None:
    """The pattern that read it could split blanks in two ways at each parameter: 2^100 tries for 1,600 bytes."""
    for rest in (";header=present " * 100 + "x", "; " * 5000 + "x", " " * 8000 + "x"):
        headers = {**crm.headers(ALICES), "Content-Type": f"text/csv{rest}"}
        assert crm.client.post("/api/contacts/import", content="name\nx\n", headers=headers).status_code == 415


def test_405_names_every_method_of_the_address(api: Api) -> None:
    path = next(iter(api.lists))
    for address, methods in {path: {"GET", "POST"}, f"{path}/{UNKNOWN}": {"GET", "PATCH"}}.items():
        answer = api.call(ALICES, "PUT", address)
        assert (answer.status_code, answer.headers["Content-Type"]) == (405, "application/problem+json")
        assert methods <= set(answer.headers["Allow"].split(", "))
        assert "PUT" not in answer.headers["Allow"]


def test_no_page_of_another_origin_may_read_an_answer(api: Api) -> None:
    path = next(iter(api.lists))
    asked = {"Origin": "https://attacker.example", "Access-Control-Request-Method": "GET"}
    assert api.client.options(path, headers=asked).status_code == 405
    for answer in (api.client.options(path, headers=asked), api.call(ALICES, "GET", path, headers=asked)):
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
