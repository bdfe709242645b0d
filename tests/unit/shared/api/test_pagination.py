import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.api.pagination import LONGEST_CURSOR, NOT_OURS, Cursor

ID = UUID("0190a1b0-0000-7000-8000-00000000c001")
PLACE = Cursor(datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC), ID)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_cursor_comes_back() -> None:
    assert Cursor.decode(PLACE.encode()) == PLACE
    assert Cursor.decode(PLACE.encode("a list"), "a list") == PLACE


@pytest.mark.parametrize("name", ["", "mad hatter", "käthe 🫖", '"\\', "x" * 100, "🫖" * 100])
def test_so_does_one_of_a_list_in_the_order_of_names(name: str) -> None:
    text = Cursor(name, ID).encode("names")
    assert Cursor.decode(text, "names", str) == Cursor(name, ID)
    assert len(text) <= LONGEST_CURSOR


def test_a_cursor_survives_a_url() -> None:
    assert set(PLACE.encode()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_of_another_zone_is_the_same_place() -> None:
    in_tokyo = Cursor(datetime(2030, 1, 1, 21, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9))), PLACE.id)
    assert Cursor.decode(in_tokyo.encode()) == PLACE


def test_a_cursor_of_another_list_is_refused() -> None:
    for other in ("", "another list"):
        with pytest.raises(ValueError, match=NOT_OURS):
            Cursor.decode(PLACE.encode("a list"), other)


def test_a_cursor_that_was_altered_is_refused_wherever_it_was() -> None:
    text = PLACE.encode("a list")
    for position, letter in enumerate(text):
        altered = text[:position] + ("A" if letter != "A" else "B") + text[position + 1 :]
        with pytest.raises(ValueError, match=NOT_OURS):
            Cursor.decode(altered, "a list")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "not base64!",
        "bm90IGpzb24",  # not json
        encoded([]),
        encoded([1, 2]),
        encoded({}),
        encoded([json.dumps([PLACE.id.hex]), "0"]),
        encoded([json.dumps(["2030-01-01T12:00:00", ID.hex]), "0"]),
        encoded(["[" * 5000, "0"]),
        PLACE.encode() + "=",
        PLACE.encode() + " ",
        "é",
    ],
)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=NOT_OURS):
        Cursor.decode(value)


@pytest.mark.parametrize("moment", ["2030-01-01T12:00:00", "0001-01-01T00:00:00+23:59"])
def test_a_moment_without_a_place_in_utc_is_refused_with_the_right_checksum_too(moment: str) -> None:
    text = Cursor(moment, ID).encode()
    assert Cursor.decode(text, kind=str).value == moment
    with pytest.raises(ValueError, match=NOT_OURS):
        Cursor.decode(text)


def outcome(value: str) -> Cursor | str:
    try:
        return Cursor.decode(value)
    except ValueError as error:
        return str(error)


@given(st.text(max_size=200))
def test_no_text_brings_it_down(value: str) -> None:
    found = outcome(value)
    assert isinstance(found, Cursor) or found == NOT_OURS
