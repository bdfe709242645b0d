from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.pagination import Cursor

PLACE = Cursor(datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC), UUID("0190a1b0-0000-7000-8000-00000000c001"))


def test_a_cursor_comes_back() -> None:
    assert Cursor.decode(PLACE.encode()) == PLACE


def test_a_cursor_survives_a_url() -> None:
    assert set(PLACE.encode()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_of_another_zone_is_the_same_place() -> None:
    in_tokyo = Cursor(PLACE.created_at.astimezone(timezone(timedelta(hours=9))), PLACE.id)
    assert Cursor.decode(in_tokyo.encode()) == PLACE


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "not base64!",
        "bm90IGpzb24",  # not json
        "W10",  # []
        "WzEsIDJd",  # [1, 2]
        "e30",  # {}
        "WyIyMDMwLTAxLTAxVDEyOjAwOjAwIiwgIjAxOTBhMWIwMDAwMDcwMDA4MDAwMDAwMDAwMDBjMDAxIl0",  # a moment without zone
        "é",
    ],
)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cursor is not one that this API gave"):
        Cursor.decode(value)


def outcome(value: str) -> Cursor | str:
    try:
        return Cursor.decode(value)
    except ValueError as error:
        return str(error)


@given(st.text(max_size=200))
def test_no_text_brings_it_down(value: str) -> None:
    found = outcome(value)
    assert isinstance(found, Cursor) or found == "cursor is not one that this API gave"
