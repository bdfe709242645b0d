"""Keyset cursors: stable under inserts, one index range a page, never an offset."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

Item = TypeVar("Item")


@dataclass(frozen=True)
class Cursor:
    """The place after one record, in a list ordered newest first (created_at, then id, both descending)."""

    created_at: datetime
    id: UUID

    def encode(self) -> str:
        """Return the opaque text that a client sends back."""
        raw = json.dumps([self.created_at.isoformat(), self.id.hex]).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    @classmethod
    def decode(cls, value: str) -> "Cursor":
        """Parse what `encode` made.

        Raises:
            ValueError: it is not one of ours.
        """
        try:
            created_at, identifier = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
            place = cls(datetime.fromisoformat(created_at), UUID(hex=identifier))
            place.created_at.astimezone(UTC)  # at either end of the calendar some offsets have no UTC
        except (
            OverflowError,
            RecursionError,
            binascii.Error,
            UnicodeDecodeError,
            json.JSONDecodeError,
            ValueError,
            TypeError,
            AttributeError,
        ) as error:
            raise ValueError("cursor is not one that this API gave") from error
        if place.created_at.tzinfo is None:
            raise ValueError("cursor is not one that this API gave")
        return place


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list, and where the next begins (None: this was the last)."""

    items: list[Item]
    next_cursor: str | None


def _one_of_ours(cursor: str) -> str:
    Cursor.decode(cursor)
    return cursor


class PageQuery(BaseModel):
    """The query of every list: how many records, and after which."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: Annotated[str, Field(max_length=200), AfterValidator(_one_of_ours)] | None = None

    @property
    def after(self) -> Cursor | None:
        """The place that the page begins after, None for the first page."""
        return None if self.cursor is None else Cursor.decode(self.cursor)
