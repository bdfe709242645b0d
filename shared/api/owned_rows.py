"""The owner's clause: the condition that every statement on a table of records carries in its WHERE, and the pages of
lists that are read by it.

Policy: ADR-0018. A table of records has the columns `id`, `owner_sub` and `owner_team`.
`tests/architecture/test_every_query_carries_its_owner.py` finds a statement without it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Column, ColumnElement, FromClause, Row, Table, false, or_, select, true, tuple_
from sqlalchemy import literal as value

from shared.api.listing import Listing
from shared.api.pagination import Cursor, Page, gather
from shared.api.reach import Reach
from shared.database import Connection

Item = TypeVar("Item")


def within(table: FromClause, reach: Reach) -> ColumnElement[bool]:
    """Return the condition that a row of `table` lies within reach."""
    if reach.everyone:
        return true()
    clauses: list[ColumnElement[bool]] = []
    if reach.subject is not None:
        clauses.append(table.c.owner_sub == reach.subject)
    if reach.team is not None:
        clauses.append(table.c.owner_team == reach.team)
    return or_(false(), *clauses)


def parts(reach: Reach) -> Iterator[Reach]:
    """Yield reaches that make up this one, each of which is one range of one index.

    "Mine or my team's" is not a range: a database would sort all of both to return a page. A list asks for the page of
    each part and merges them. Parts may overlap.
    """
    if reach.everyone:
        yield reach
        return
    if reach.subject is not None:
        yield Reach(subject=reach.subject)
    if reach.team is not None:
        yield Reach(team=reach.team)


@dataclass(frozen=True)
class OwnedList:
    """A list of the rows of `table`, sorted by one of its columns and narrowed by `conditions`.

    Rows of several `kinds` may be listed, each kind a condition with indexes of its own: they are merged like the parts
    of a reach.

    `order_by` is that order as the database is asked for it, if not by the column itself.
    """

    table: Table
    listing: Listing
    sorted_by: Column[Any]
    conditions: Sequence[ColumnElement[bool]]
    kinds: Sequence[ColumnElement[bool]] = (true(),)
    order_by: ColumnElement[Any] | None = None

    def page(
        self,
        db: Connection,
        reach: Reach,
        limit: int,
        after: Cursor | None,
        size: Callable[[Item], int],
        read: Callable[[Sequence[Row[Any]]], Sequence[Item]],
    ) -> Page[Item]:
        """Return a page of what is within reach, from the place `after` on: at most `limit` items, and 1 MiB of them.

        `read` makes the items of some rows, with the row's id and what the list is sorted by; `size` says how many
        bytes one takes in the answer.
        """

        def fetch(count: int, last: Item | None) -> Sequence[Item]:
            begin = after if last is None else Cursor(*self._place(last))
            ranges = (self._range(db, part, kind, count, begin) for part in parts(reach) for kind in self.kinds)
            rows = {row.id: row for found in ranges for row in found}
            return read(sorted(rows.values(), key=self._place, reverse=self.listing.descending)[:count])

        items, more = gather(limit, fetch, size)
        if not more:
            return Page(items, None)
        return Page(items, Cursor(*self._place(items[-1])).encode(self.listing.identity(self.table.name, reach)))

    def _place(self, item: Any) -> tuple[Any, UUID]:
        return getattr(item, self.sorted_by.name), item.id

    def _range(
        self, db: Connection, part: Reach, kind: ColumnElement[bool], limit: int, after: Cursor | None
    ) -> Sequence[Row[Any]]:
        """Return rows of one kind in one part of the reach: one range of one index, without a sort."""
        table, descending = self.table, self.listing.descending
        statement = select(table).where(within(table, part), kind, *self.conditions)
        if after is not None:
            place = tuple_(self.sorted_by, table.c.id)
            last = tuple_(value(after.value, self.sorted_by.type), value(after.id))
            statement = statement.where(place < last if descending else place > last)
        first = self.sorted_by if self.order_by is None else self.order_by
        order = (column.desc() if descending else column.asc() for column in (first, table.c.id))
        return db.execute(statement.order_by(*order).limit(limit)).all()
