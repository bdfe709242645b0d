"""Keyset cursors: stable under inserts, one index range a page, never an offset."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

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
        except (
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
