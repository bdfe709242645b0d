"""Records in SQL: what the stores of contacts, companies and activities have in common.

Policy: ADR-0018. Each statement carries the owner in its WHERE clause.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Generic
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, Table, insert, select, update

from services.crm.records import Change, Details, Listing, Record, Step, change_between
from services.crm.storage.history import keep_changes, page_of_changes
from services.crm.storage.search import by_search_first, matches
from shared.api.history import Actor
from shared.api.owned_rows import OwnedList, within
from shared.api.pagination import Cursor, Page, text_bytes
from shared.api.reach import Owner, Reach
from shared.database import Database

#: Rows that go to the database at once: bounds what is held in memory, and a statement's parameters.
BATCH = 500


class SqlRecords(Generic[Details]):
    """Implements `services.crm.records.RecordStore` and `Names` on one table."""

    table: ClassVar[Table]
    #: The columns that a list can be sorted by, by the names that callers know.
    sorts: ClassVar[Mapping[str, Column[Any]]]

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------ what one kind of record adds

    def row_of(self, details: Details) -> dict[str, Any]:
        """Return the columns that hold what is said of the record, `search_text` among them."""
        raise NotImplementedError

    def details_of(self, row: Row[Any]) -> Details:
        """Return what is said of the record."""
        raise NotImplementedError

    def condition(self, name: str, sought: Any) -> ColumnElement[bool]:
        """Return the condition of the filter `name`."""
        if name == "q":
            return matches(self.table, sought, self._database.engine.dialect.name)
        column: ColumnElement[Any] = self.table.c["updated_at" if name == "updated_since" else name]
        condition: ColumnElement[bool] = column >= sought if name == "updated_since" else column == sought
        return condition

    # ------------------------------------------------ what all have in common

    def add(self, *records: Record[Details], by: Actor) -> None:
        """Keep new records and the first line of the history of each, all or none."""
        with self._database.unit_of_work() as db:
            for start in range(0, len(records), BATCH):
                batch = records[start : start + BATCH]
                db.execute(insert(self.table), [self._row(record) for record in batch])
                keep_changes(db, self.table, [(record.id, change_between(None, record, by)) for record in batch])

    def find(self, record_id: UUID, reach: Reach) -> Record[Details] | None:
        """Return the record, None if there is none within reach or it is deleted."""
        table = self.table
        mine = select(table).where(table.c.id == record_id, within(table, reach), table.c.deleted_at.is_(None))
        with self._database.autocommit() as db:
            row = db.execute(mine).one_or_none()
        return None if row is None else self._record(row)

    def known(self, ids: Iterable[UUID], reach: Reach, *, keep: bool = False) -> set[UUID]:
        """Return those of `ids` that are within reach and not deleted; `keep`: until this unit of work ends."""
        table, asked, found = self.table, list(ids), set[UUID]()
        with self._database.autocommit() as db:
            for start in range(0, len(asked), BATCH):
                these = table.c.id.in_(asked[start : start + BATCH])
                mine = select(table.c.id).where(these, within(table, reach), table.c.deleted_at.is_(None))
                found.update(db.scalars(mine.order_by(table.c.id).with_for_update(read=True) if keep else mine))
        return found

    @property
    def piecemeal(self) -> bool:
        """Whether one long transaction keeps everybody else waiting: SQLite has one connection, and one writer."""
        return self._database.engine.dialect.name == "sqlite"

    def together(self) -> AbstractContextManager[Any]:
        """Make one transaction of all that is done inside."""
        return self._database.unit_of_work()

    def held(self, ids: Iterable[UUID], reach: Reach, *, keep: bool = False) -> dict[UUID, Record[Details]]:
        """Return those within reach, deleted or not; `keep`: as they are until the transaction ends."""
        table, asked = self.table, list(ids)
        mine = select(table).where(table.c.id.in_(asked), within(table, reach)).order_by(table.c.id)
        with self._database.autocommit() as db:
            rows = db.execute(mine.with_for_update() if keep else mine).all() if asked else ()
        return {row.id: self._record(row) for row in rows}

    def save(self, changes: Iterable[tuple[Record[Details], Record[Details]]], by: Actor) -> None:
        """Keep what records that are held have become, each with a line of its history."""
        with self._database.unit_of_work() as db:
            for before, after in changes:
                db.execute(update(self.table).where(self.table.c.id == before.id).values(self._row(after)))
                keep_changes(db, self.table, [(after.id, change_between(before, after, by))])

    def page(self, reach: Reach, listing: Listing, limit: int, after: Cursor | None) -> Page[Record[Details]]:
        """Return at most `limit` records of the listing."""
        sorted_by, filters = self.sorts[listing.sort], listing.where
        there, gone = self.table.c.deleted_at.is_(None), self.table.c.deleted_at.is_not(None)
        kinds = [gone] if listing.deleted else [there, gone] if listing.tombstones else [there]
        conditions = [self.condition(name, sought) for name, sought in filters.items()]
        with self._database.autocommit() as db:
            by_search = "q" in filters and db.dialect.name == "postgresql"
            order_by = by_search_first(sorted_by) if by_search else None
            owned = OwnedList(self.table, listing, sorted_by, conditions, kinds, order_by)
            rows = owned.page(db, reach, limit, after, _texts_bytes, list)
        return Page([self._record(row) for row in rows.items], rows.next_cursor)

    def history(self, record_id: UUID, reach: Reach, limit: int, before: int | None) -> Page[Change]:
        """Return changes of the record, deleted or not, the last first; `before`: the version that ended a page."""
        with self._database.autocommit() as db:
            return page_of_changes(db, self.table, record_id, reach, limit, before)

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

        `check` comes before the lock: what a record names is locked before the record, as a deletion does it.
        """
        table = self.table
        mine = select(table).where(table.c.id == record_id, within(table, reach))
        if not deleted:
            mine = mine.where(table.c.deleted_at.is_(None))
        with self._database.unit_of_work() as db:
            checked = None if check is None else db.execute(mine).one_or_none()
            if check is not None and checked is not None:
                check(self._record(checked))
            row = db.execute(mine.with_for_update()).one_or_none()
            if row is None:
                return None
            before = self._record(row)
            if check is not None and row != checked:  # changed in between
                check(before)
            after = step(before)
            if after != before:
                changed = update(table).where(table.c.id == record_id, within(table, reach)).values(self._row(after))
                db.execute(changed)
                keep_changes(db, table, [(record_id, change_between(before, after, by))])
        return after

    def _row(self, record: Record[Details]) -> dict[str, Any]:
        return {
            "id": record.id,
            "owner_sub": record.owner.subject,
            "owner_team": record.owner.team,
            **self.row_of(record.details),
            "version": record.version,
            "created_at": record.created_at,
            "updated_at": record.updated_at,
            "deleted_at": record.deleted_at,
            "deleted_by": record.deleted_by,
        }

    def _record(self, row: Row[Any]) -> Record[Details]:
        return Record(
            id=row.id,
            owner=Owner(row.owner_sub, row.owner_team),
            details=self.details_of(row),
            created_at=row.created_at,
            updated_at=row.updated_at,
            version=row.version,
            deleted_at=row.deleted_at,
            deleted_by=row.deleted_by,
        )


def _texts_bytes(row: Row[Any]) -> int:
    return sum(text_bytes(text) for text in row if isinstance(text, str))


def begins_with(column: Column[Any], beginning: str) -> ColumnElement[bool]:
    """Return the condition that the text begins so, as a range of its index."""
    return (column >= beginning) & (column < beginning + "\U0010ffff")
