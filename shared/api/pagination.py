"""Keyset cursors: stable under inserts, one index range a page, never an offset.

A cursor belongs to one listing: what is listed, in which order, through which filters, for whom. It carries a checksum
over itself and that listing, so that one that was altered, or given for another list or to another caller, is refused
rather than read as some place or other. The checksum is not a secret and need not be: a place grants nothing, for the
owner stands in the WHERE clause of every page.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import Field

Item = TypeVar("Item")

#: Characters of the longest cursor: 100 of a name (7 bytes each if JSON escapes them), an id and the checksum.
LONGEST_CURSOR = 1200
NOT_OURS = "cursor is not one that this API gave for this list"


@dataclass(frozen=True)
class Cursor:
    """The place after one record: its value in the column that the list is sorted by, then its id."""

    value: datetime | str
    id: UUID

    def encode(self, listing: str = "") -> str:
        """Return the opaque text that a client sends back, good for this `listing` alone."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        place = json.dumps([value, self.id.hex], ensure_ascii=False)
        raw = json.dumps([place, _checksum(place, listing)], ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str, listing: str = "", kind: type[datetime] | type[str] = datetime) -> "Cursor":
        """Parse what `encode` made for this listing, which is sorted by values of `kind`.

        Raises:
            ValueError: it is not one of ours, or of another listing.
        """
        try:
            place, checksum = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            value, identifier = json.loads(place)
            cursor = cls(datetime.fromisoformat(value) if kind is datetime else str(value), UUID(hex=identifier))
            if isinstance(cursor.value, datetime):
                _require_moment(cursor.value)
            # the text is the one spelling that we gave, the checksum with it
            genuine = checksum == _checksum(place, listing) and cursor.encode(listing) == text
            # anyone can make the checksum, and PostgreSQL refuses NUL in text
            genuine = genuine and "\0" not in value
        except (
            OverflowError,
            RecursionError,
            binascii.Error,
            UnicodeError,
            json.JSONDecodeError,
            ValueError,
            TypeError,
            AttributeError,
        ) as error:
            raise ValueError(NOT_OURS) from error
        if not genuine:
            raise ValueError(NOT_OURS)
        return cursor


def _require_moment(value: datetime) -> None:
    if value.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    value.astimezone(UTC)  # at either end of the calendar some offsets have no UTC


def _checksum(place: str, listing: str) -> str:
    return hashlib.sha256(json.dumps([listing, place]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list, and where the next begins (None: this was the last)."""

    items: list[Item]
    next_cursor: str | None


Limit = Annotated[
    int, Field(ge=1, le=200, description="Records a page, at most: one that grows past 1 MiB ends earlier.")
]

#: Bytes of JSON after which a page ends, whatever its limit: the record that passes it begins the next one.
LARGEST_PAGE = 1024 * 1024


def text_bytes(text: str) -> int:
    """Return how many bytes the text takes in a JSON answer, quotes aside."""
    if text.isascii() and text.isprintable():
        return len(text)
    return len(json.dumps(text, ensure_ascii=False).encode())


#: What is read at once: bounds what a page holds in memory while it grows.
_AT_ONCE = 50


def gather(
    limit: int, fetch: Callable[[int, Item | None], Sequence[Item]], size: Callable[[Item], int]
) -> tuple[list[Item], bool]:
    """Return at most `limit` items and at most LARGEST_PAGE bytes of them (but one at least), and whether more follow.

    `fetch` returns so many items after that one (None: from the first on); `size` says how many bytes one takes.
    """
    items: list[Item] = []
    room = LARGEST_PAGE
    while True:
        wanted = min(_AT_ONCE, limit - len(items))
        found = fetch(wanted + 1, items[-1] if items else None)
        for item in found[:wanted]:
            room -= size(item)
            if items and room < 0:
                return items, True
            items.append(item)
        if len(found) <= wanted or len(items) == limit:
            return items, len(found) > wanted
