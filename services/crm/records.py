"""Records: what contacts, companies and activities have in common, and what may be done with any of them.

A change is made to the record as it is locked in the database: of two that name the same entity tag one wins. A deleted
record stays where it is until it is restored; for everything but a list of one's own deleted records it is not there.
Nothing is deleted along with it: what names it keeps its id, and is whole again once it is restored.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.api.entity_tags import Precondition, record_tag
from shared.api.listing import Listing as PlainListing
from shared.api.pagination import Cursor, Page
from shared.api.reach import Owner, Reach
from shared.errors import InvalidInput, NotFound

Details = TypeVar("Details")


@dataclass(frozen=True)  # without slots: Python 3.11 cannot call a generic alias of such a class
class Record(Generic[Details]):
    """What its owner says (`details`), and what the CRM knows of it."""

    id: UUID
    owner: Owner
    details: Details
    created_at: datetime
    updated_at: datetime
    version: int = 1
    deleted_at: datetime | None = None

    @property
    def entity_tag(self) -> str:
        """Names this state of the record."""
        return record_tag(self.version, self.updated_at)


@dataclass(frozen=True)
class Listing(PlainListing):
    """Which records, and in what order. `deleted`: those that were deleted, instead of those that are there."""

    deleted: bool = False

    def identity(self, resource: str, reach: Reach) -> str:
        """Return the text that a cursor of this listing is good for."""
        return super().identity(f"deleted {resource}" if self.deleted else resource, reach)

    def reach(self, reach: Reach) -> Reach:
        """Return how far it reaches for a caller who reaches so far: deleted records are shown to their owner alone."""
        return Reach(subject=reach.subject) if self.deleted else reach


class RecordStore(Protocol[Details]):
    """Where records of one kind are kept. Every method says how far it reaches; what lies beyond does not exist."""

    def add(self, *records: Record[Details]) -> None:
        """Keep new records, all or none."""

    def find(self, record_id: UUID, reach: Reach) -> Record[Details] | None:
        """Return the record, None if there is none within reach or it is deleted."""

    def page(self, reach: Reach, listing: Listing, limit: int, after: Cursor | None) -> Page[Record[Details]]:
        """Return at most `limit` records of the listing."""

    def change(
        self, record_id: UUID, reach: Reach, step: Callable[[Record[Details]], Record[Details]], *, deleted: bool
    ) -> Record[Details] | None:
        """Replace the locked record by what `step` makes of it and return that, None if none is within reach.

        `deleted`: whether a deleted record is there too. What `step` raises leaves the record as it was.
        """


class Names(Protocol):
    """Where it can be asked which of some records there are."""

    def known(self, ids: Iterable[UUID], reach: Reach) -> set[UUID]:
        """Return those of `ids` that are within reach and not deleted."""


def new_record(details: Details, owner: Owner, now: datetime) -> Record[Details]:
    """Return a new record."""
    return Record(uuid7(), owner, details, created_at=now, updated_at=now)


def get_record(record_id: UUID, reach: Reach, records: RecordStore[Details]) -> Record[Details]:
    """Return one record.

    Raises:
        NotFound: there is none within reach; a foreign one and one that never was look alike.
    """
    return _there(records.find(record_id, reach))


@dataclass(frozen=True)
class ChangeRequest:
    """One change that a caller asks for: how far they reach, what they have seen, and when."""

    record_id: UUID
    reach: Reach
    if_match: Precondition
    now: datetime

    def edit(self, records: RecordStore[Details], said: Callable[[Details], Details]) -> Record[Details]:
        """Change what is said of the record; saying the same again changes nothing, the entity tag neither.

        Raises:
            NotFound: as `get_record` says.
            PreconditionFailed: If-Match names another state of it.
        """

        def step(record: Record[Details]) -> Record[Details]:
            self.if_match.demand(record.entity_tag)
            details = said(record.details)
            return record if details == record.details else self._next(record, details=details)

        return _there(records.change(self.record_id, self.reach, step, deleted=False))

    def delete(self, records: RecordStore[Details]) -> None:
        """Delete the record until it is restored.

        Raises: as `edit` does.
        """

        def step(record: Record[Details]) -> Record[Details]:
            self.if_match.demand(record.entity_tag)
            return self._next(record, deleted_at=self.now)

        _there(records.change(self.record_id, self.reach, step, deleted=False))

    def restore(self, records: RecordStore[Details]) -> Record[Details]:
        """Bring a deleted record back; one that is there already stays as it is, so that a retry succeeds.

        Raises: as `edit` does.
        """

        def step(record: Record[Details]) -> Record[Details]:
            self.if_match.demand(record.entity_tag)
            return record if record.deleted_at is None else self._next(record, deleted_at=None)

        return _there(records.change(self.record_id, self.reach, step, deleted=True))

    def authorize(self, records: RecordStore[Details]) -> None:
        """Return if the record is within reach, deleted or not.

        Raises:
            NotFound: it is not.
        """
        _there(records.change(self.record_id, self.reach, lambda record: record, deleted=True))

    def _next(self, record: Record[Details], **changes: Any) -> Record[Details]:
        return replace(record, **changes, updated_at=self.now, version=record.version + 1)


def require_known(record_id: UUID | None, reach: Reach, names: Names, *where: str) -> None:
    """Return if the caller may name this record, at the place `where` in a request; None names none.

    Raises:
        InvalidInput: there is none within reach; a foreign one, a deleted one and one that never was look alike.
    """
    if record_id is not None and record_id not in names.known([record_id], reach):
        raise InvalidInput("no such record", *where)


def _there(record: Record[Details] | None) -> Record[Details]:
    if record is None:
        raise NotFound("No such record.")
    return record
