"""However long its texts are and whatever limit is asked for: a page of a list is bounded in bytes."""

import pytest

from tests.support.calls import Call

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("letter", ["x", "\u20ac", "\x01"])
def test_a_list_of_long_activities_is_answered_in_bounded_pages(call: Call, letter: str) -> None:
    contact = call("POST", "/api/contacts", json={"name": "Mad Hatter"}).json()["id"]
    body = {"kind": "note", "subject": "Long", "body": letter * 10_000, "contact_id": contact}
    made = [call("POST", "/api/activities", json=body).json()["id"] for _ in range(110)]
    found, cursor = [], ""
    while True:
        answer = call("GET", f"/api/activities?limit=200{cursor}")
        assert len(answer.content) <= MEBIBYTE * 1.2
        found += [activity["id"] for activity in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            break
        cursor = f"&cursor={answer.json()['next_cursor']}"
    assert found == made[::-1]
    assert cursor
