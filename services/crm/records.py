"""Records: what contacts, companies and activities have in common, and what may be done with any of them.

A change is made to the record as it is locked in the database: of two that name the same entity tag one wins. A deleted
record stays where it is until it is restored; for everything but a list of deleted records, and its history, it is
not there. Activities keep the id of what they are on; contacts lose that of a deleted company (ADR-0045).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.api.entity_tags import Precondition, record_tag
from shared.api.history import Actor, differences
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
    deleted_by: str | None = None

    @property
    def entity_tag(self) -> str:
        """Names this state of the record."""
        return record_tag(self.version, self.updated_at)


#: Makes the next state of a record.
Step = Callable[[Record[Details]], Record[Details]]


@dataclass(frozen=True)
class Listing(PlainListing):
    """Which records, and in what order.

    `deleted`: those that were deleted, instead of those that are there; `tombstones`: both.
    """

    deleted: bool = False
    tombstones: bool = False

    def identity(self, resource: str, reach: Reach) -> str:
        """Return the text that a cursor of this listing is good for."""
        return super().identity(f"deleted {resource}" if self.deleted else resource, reach)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a record: the version that it made, when, by whom, and each member that it changed.

    `action` is `create`, `edit`, `reassign`, `delete`, `restore`, or `unlink` (what it named was deleted). `changes`
    maps a member to `{"from": ..., "to": ...}`.
    """

    version: int
    at: datetime
    actor: Actor
    action: str
    changes: Mapping[str, Any]


class RecordStore(Protocol[Details]):
    """Where records of one kind are kept. Every method says how far it reaches; what lies beyond does not exist."""

    def add(self, *records: Record[Details], by: Actor) -> None:
        """Keep new records and the first line of the history of each, all or none."""

    def find(self, record_id: UUID, reach: Reach) -> Record[Details] | None:
        """Return the record, None if there is none within reach or it is deleted."""

    def page(self, reach: Reach, listing: Listing, limit: int, after: Cursor | None) -> Page[Record[Details]]:
        """Return at most `limit` records of the listing."""

    def change(
        self,
        record_id: UUID,
        reach: Reach,
        step: Step[Details],
        *,
        deleted: bool,
        by: Actor,
        check: Callable[[Record[Details]], None] | None = None,
    ) -> Record[Details] | None:
        """Replace the locked record by what `step` makes of it and return that, None if none is within reach.

        `deleted`: whether a deleted record is there too. `check` looks at the record before it is locked, and may lock
        what the record is to name. What either raises leaves the record as it was.
        """

    def history(self, record_id: UUID, reach: Reach, limit: int, before: int | None) -> Page[Change]:
        """Return changes of the record, deleted or not, the last first; `before`: the version that ended a page."""


class Names(Protocol):
    """Where it can be asked which of some records there are."""

    def known(self, ids: Iterable[UUID], reach: Reach, *, keep: bool = False) -> set[UUID]:
        """Return those of `ids` that are within reach and not deleted; `keep`: until this unit of work ends."""


class Links(Protocol):
    """What names records of another kind."""

    def unlink(self, record_id: UUID, by: Actor, now: datetime) -> None:
        """Remove that id from all that name it, of every owner."""


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
    actor: Actor
    if_match: Precondition
    now: datetime

    def edit(
        self,
        records: RecordStore[Details],
        said: Callable[[Details], Details],
        check: Callable[[Record[Details]], None] | None = None,
    ) -> Record[Details]:
        """Change what is said of the record; saying the same again changes nothing, the entity tag neither.

        `check` raises if the record may not be given what the caller says.

        Raises:
            NotFound: as `get_record` says.
            PreconditionFailed: If-Match names another state of it.
        """

        def step(record: Record[Details]) -> Record[Details]:
            self.if_match.demand(record.entity_tag)
            details = said(record.details)
            return record if details == record.details else self._next(record, details=details)

        return self._change(records, step, check=check)

    def delete(self, records: RecordStore[Details], *links: Links) -> None:
        """Delete the record until it is restored, and the id of it from `links`, for good.

        Raises: as `edit` does.
        """

        def step(record: Record[Details]) -> Record[Details]:
            self.if_match.demand(record.entity_tag)
            for link in links:
                link.unlink(record.id, self.actor, self.now)
            return self._next(record, deleted_at=self.now, deleted_by=self.actor.subject)

        self._change(records, step)

    def restore(self, records: RecordStore[Details]) -> Record[Details]:
        """Bring a deleted record back; one that is there already stays as it is, so that a retry succeeds.

        Raises: as `edit` does.
        """

        def step(record: Record[Details]) -> Record[Details]:
            self.if_match.demand(record.entity_tag)
            return record if record.deleted_at is None else self._next(record, deleted_at=None, deleted_by=None)

        return self._change(records, step, deleted=True)

    def reassign(self, records: RecordStore[Details], owner: Owner) -> Record[Details]:
        """Hand the record to another owner; one that is theirs already stays as it is, so that a retry succeeds.

        Raises: as `edit` does.
        """

        def step(record: Record[Details]) -> Record[Details]:
            self.if_match.demand(record.entity_tag)
            return record if record.owner == owner else self._next(record, owner=owner)

        return self._change(records, step)

    def authorize(self, records: RecordStore[Details]) -> None:
        """Return if the record is within reach, deleted or not.

        Raises:
            NotFound: it is not.
        """
        self._change(records, lambda record: record, deleted=True)

    def _change(
        self,
        records: RecordStore[Details],
        step: Step[Details],
        *,
        deleted: bool = False,
        check: Callable[[Record[Details]], None] | None = None,
    ) -> Record[Details]:
        return _there(records.change(self.record_id, self.reach, step, deleted=deleted, by=self.actor, check=check))

    def _next(self, record: Record[Details], **changes: Any) -> Record[Details]:
        return replace(record, **changes, updated_at=self.now, version=record.version + 1)


def change_between(before: Record[Any] | None, after: Record[Any], by: Actor) -> Change:
    """Return the change that made `after`. A new record is told by itself: its first change holds no members."""
    if before is None:
        return Change(after.version, after.created_at, by, "create", {})
    changes = differences(_members(before), _members(after))
    if before.deleted_at != after.deleted_at:
        action = "restore" if after.deleted_at is None else "delete"
    else:
        action = "edit" if before.owner == after.owner else "reassign"
    return Change(after.version, after.updated_at, by, action, changes)


def _members(record: Record[Any]) -> dict[str, Any]:
    said = asdict(record.details)
    return {
        "owner_sub": record.owner.subject,
        "owner_team": record.owner.team,
        **{name: None if value is None else _told(value) for name, value in said.items()},
    }


def _told(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


@dataclass(frozen=True)
class Reference:
    """An id that a caller gives to a record: which records it must be one of, and where it is in the request."""

    names: Names
    reach: Reach
    where: tuple[str, ...]

    def require(self, wanted: UUID | None, owner: Owner, present: UUID | None = None) -> None:
        """Return if the owner's record may name `wanted`: one that it names at `present` already, or none, always.

        Another one must be within the caller's reach and, where the record is somebody else's, belong to its owner, who
        could not keep it otherwise. It then stays until the unit of work ends.

        Raises:
            InvalidInput: there is none such; a foreign one, a deleted one and one that never was look alike.
        """
        if wanted in {None, present}:
            return
        require_known(wanted, self.reach, self.names, *self.where, keep=True)
        if owner.subject != self.reach.subject:
            require_known(wanted, Reach(subject=owner.subject), self.names, *self.where)


def require_known(record_id: UUID | None, reach: Reach, names: Names, *where: str, keep: bool = False) -> None:
    """Return if the caller may name this record, at the place `where` in a request; None names none.

    Raises:
        InvalidInput: there is none within reach; a foreign one, a deleted one and one that never was look alike.
    """
    if record_id is not None and record_id not in names.known([record_id], reach, keep=keep):
        raise InvalidInput("no such record", *where)


def _there(record: Record[Details] | None) -> Record[Details]:
    if record is None:
        raise NotFound("No such record.")
    return record
