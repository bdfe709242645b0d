"""The members and parameters that the CRM's resources share: their types, limits and descriptions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.crm.records import Details, Listing, Record
from shared.api.listing import PageQuery
from shared.api.pagination import Page
from shared.api.timestamp import Timestamp
from shared.api.visible_text import is_visible
from shared.errors import InvalidInput

# Without NUL, which PostgreSQL cannot store in text.
_NO_NUL = r"^[^\x00]*$"


NOTHING_TO_SEE = "must show a letter, a digit or a sign"


def _visible(text: str) -> str:
    if not is_visible(text):
        raise ValueError(NOTHING_TO_SEE)
    return text


#: In a new record: what shows nothing is refused. `Patch` looks at what changes.
Visible = AfterValidator(_visible)

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_NO_NUL),
    Field(examples=["Mad Hatter"]),
]
Email = Annotated[
    str,
    StringConstraints(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$"),
    Field(examples=["hatter@tea.example"]),
]
Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=_NO_NUL),
    Field(examples=["+44 20 7946 0001"]),
]
Domain = Annotated[
    str,
    StringConstraints(max_length=253, pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$"),
    Field(examples=["tea.example"]),
]
Subject = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_NO_NUL),
    Field(examples=["Asked about the riddle"]),
]
Body = Annotated[
    str,
    StringConstraints(max_length=10_000, pattern=_NO_NUL),
    Field(examples=["Why is a raven like a writing desk?"]),
]
#: What a list is narrowed by: no record holds NUL, and PostgreSQL takes none in a question either.
NameBegins = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL)]
WholeEmail = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=_NO_NUL)]


class FilterQuery(BaseModel):
    """What every list can be narrowed by. A parameter that is not known is refused: it would filter nothing."""

    model_config = ConfigDict(extra="forbid")

    sort: str = "-created_at"
    q: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None,
        description="Words; each must begin a word of the record, in any of its texts. Case and accents are ignored, "
        "and so is everything that is not a letter or digit: there are no operators.",
        examples=["mad hat"],
    )
    updated_since: Timestamp | None = Field(
        default=None,
        description="Records created or changed then or later. A list then tells of those deleted since, too, as "
        "`id` and `deleted_at` alone, until they are purged.",
    )
    deleted: bool = Field(default=False, description="Deleted records, instead of those that are there.")

    def listing(self) -> Listing:
        """Return it as the domain has it."""
        others = {"sort", "deleted", "limit", "cursor"}
        where = {
            name: sought
            for name in type(self).model_fields
            if name not in others and (sought := getattr(self, name)) is not None
        }
        return Listing(self.sort.removeprefix("-"), self.sort.startswith("-"), where, self.deleted)


class ListQuery(FilterQuery, PageQuery):
    """The query of a list: filters, order and page."""

    text_sorts = frozenset({"name"})

    def listing(self) -> Listing:
        """Add what was deleted meanwhile to what has changed since."""
        return replace(super().listing(), tombstones=self.updated_since is not None and not self.deleted)


class Patch(BaseModel):
    """A JSON Merge Patch (RFC 7396): members that are sent are set, `null` removes one, the others stay."""

    model_config = ConfigDict(extra="forbid")

    #: Members that must show something, when they change: those that a record has already are not judged again.
    shown: ClassVar[frozenset[str]] = frozenset({"name", "phone", "subject"})

    def changes(self, details: Any) -> dict[str, Any]:
        """Return what was sent, for a record that says `details`.

        Raises:
            InvalidInput: a text that changes, and shows nothing.
        """
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        for name in sorted(self.shown & set(sent)):
            text = sent[name]
            if text is not None and text != getattr(details, name) and not is_visible(text):
                raise InvalidInput(NOTHING_TO_SEE, "body", name)
        return sent


def _is_none(value: object) -> bool:
    return value is None


class Tombstone(BaseModel):
    """What is told of a record that was deleted since."""

    id: UUID
    deleted_at: datetime = Field(examples=["2030-01-01T12:00:00Z"])


Out = TypeVar("Out")


def told(page: Page[Record[Details]], listing: Listing, out: Callable[[Record[Details]], Out]) -> list[Out | Tombstone]:
    """Return the items of a page as they are answered: by `out`, or of the deleted ones among them the tombstone."""
    return [
        Tombstone(id=record.id, deleted_at=record.deleted_at)
        if listing.tombstones and record.deleted_at is not None
        else out(record)
        for record in page.items
    ]


class RecordOut(BaseModel):
    """What every record is answered with."""

    created_at: datetime = Field(examples=["2030-01-01T12:00:00Z"])
    updated_at: datetime = Field(examples=["2030-01-01T12:00:00Z"])
    deleted_at: datetime | None = Field(
        default=None, exclude_if=_is_none, description="When it was deleted; left out of what is there."
    )
    deleted_by: str | None = Field(default=None, exclude_if=_is_none, description="The user who deleted it.")
