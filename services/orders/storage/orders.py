"""Orders in SQL. Each statement carries the owner in its WHERE clause; lines and history are reached through their
order alone.

A change is UPDATE ... WHERE (what was read) RETURNING, and the row of history that goes with it, in one transaction.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, delete, insert, select, update

from services.orders.history import Change
from services.orders.orders import Order, OrderDetails, OrderLine, as_changed
from services.orders.storage.rows import change_of, history_row, line_rows, order_of, order_row
from services.orders.storage.tables import order_history, order_lines, orders
from shared.api.listing import Listing
from shared.api.owned_rows import OwnedList, within
from shared.api.pagination import Cursor, Page, gather, text_bytes
from shared.api.reach import Owner, Reach
from shared.database import Connection, Database

#: What a line of an order takes in an answer, its description aside.
_LINE_BYTES = 80
_SORTS: dict[str, Column[Any]] = {"created_at": orders.c.created_at, "updated_at": orders.c.updated_at}


class SqlOrders:
    """Implements `services.orders.orders.OrderStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, order: Order, change: Change) -> None:
        """Keep a new order with its lines and the first line of its history, wholly or not at all."""
        with self._database.unit_of_work() as db:
            db.execute(insert(orders).values(order_row(order)))
            db.execute(insert(order_lines), line_rows(order.id, order.details))
            db.execute(insert(order_history).values(history_row(order.id, change)))

    def replace(self, order: Order, change: Change) -> None:
        """Overwrite the order with this one's id, whoever owns it: for seeds, not for requests."""
        with self._database.unit_of_work() as db:
            db.execute(
                update(orders).where(orders.c.id == order.id).values({**order_row(order), "version": change.version})
            )
            db.execute(insert(order_history).values(history_row(order.id, change)))
            _replace_lines(db, order.id, order.details)

    def find(self, order_id: UUID, reach: Reach) -> Order | None:
        """Return the order, None if there is none within reach."""
        statement = select(orders).where(orders.c.id == order_id, within(orders, reach))
        with self._database.autocommit() as db:
            found = _with_lines(db, db.execute(statement).all())
        return found[0] if found else None

    def page(self, reach: Reach, listing: Listing, limit: int, after: Cursor | None) -> Page[Order]:
        """Return at most `limit` orders of the listing."""
        conditions = [_condition(name, sought) for name, sought in listing.where.items()]
        with self._database.autocommit() as db:
            owned = OwnedList(orders, listing, _SORTS[listing.sort], conditions)
            return owned.page(db, reach, limit, after, _order_bytes, lambda rows: _with_lines(db, rows))

    def history(self, order_id: UUID, reach: Reach, limit: int, before: int | None) -> Page[Change]:
        """Return changes of the order, the last first; `before` is the version that the page before ended with."""
        statement = (
            select(order_history)
            .join(orders, orders.c.id == order_history.c.order_id)
            .where(order_history.c.order_id == order_id, within(orders, reach))
            .order_by(order_history.c.version.desc())
        )

        def fetch(count: int, last: Change | None) -> list[Change]:
            end = before if last is None else last.version
            earlier = statement if end is None else statement.where(order_history.c.version < end)
            return [change_of(row) for row in db.execute(earlier.limit(count))]

        with self._database.autocommit() as db:
            items, more = gather(limit, fetch, lambda change: len(json.dumps(change.changes)))
        return Page(items, str(items[-1].version) if more else None)

    def move(self, order: Order, change: Change, reach: Reach, *, exactly: bool) -> Order | None:
        """Bring the order to the change's status if it still has the status that was read, and remember the change.

        `exactly`: and if it is still the version that was read. None: it is another by now, or beyond reach.
        """
        as_read = [orders.c.status == order.status.value]
        if exactly:
            as_read.append(orders.c.version == order.version)
        with self._database.unit_of_work() as db:
            # the row as it is now, if an edit of the draft came in between: what is moved is what was committed last
            version = _advance(db, order, change, reach, as_read, status=change.to_status.value)
            if version is None:
                return None
            details = order.details if version == order.version + 1 else _current_details(db, order.id, reach)
        return as_changed(order, change, version, details)

    def reassign(self, order: Order, owner: Owner, change: Change, reach: Reach) -> Order | None:
        """Give the order this owner if it is still the version that was read, and remember the change.

        None: it is another by now, or beyond reach.
        """
        with self._database.unit_of_work() as db:
            columns = {"owner_sub": owner.subject, "owner_team": owner.team}
            version = _advance(db, order, change, reach, [orders.c.version == order.version], **columns)
        return None if version is None else replace(as_changed(order, change, version), owner=owner)

    def edit(self, order: Order, details: OrderDetails, change: Change, reach: Reach) -> Order | None:
        """Give the order these details if it is still the version that was read, and remember the change.

        None: it is another by now, or beyond reach.
        """
        as_read = [orders.c.version == order.version, orders.c.status == order.status.value]
        with self._database.unit_of_work() as db:
            columns = {"customer_id": details.customer_id, "currency": details.currency}
            version = _advance(db, order, change, reach, as_read, **columns)
            if version is None:
                return None
            if details.lines != order.details.lines:
                _replace_lines(db, order.id, details)
        return as_changed(order, change, version, details)


def _advance(
    db: Connection, order: Order, change: Change, reach: Reach, as_read: list[ColumnElement[bool]], **columns: Any
) -> int | None:
    """Make the next version of the order if it is `as_read`, remember the change, and return the version."""
    moved = (
        update(orders)
        .where(orders.c.id == order.id, within(orders, reach), *as_read)
        .values(version=orders.c.version + 1, updated_at=change.at, **columns)
        .returning(orders.c.version)
    )
    version = db.scalars(moved).one_or_none()
    if version is not None:
        db.execute(insert(order_history).values({**history_row(order.id, change), "version": version}))
    return version


def _current_details(db: Connection, order_id: UUID, reach: Reach) -> OrderDetails:
    rows = db.execute(select(orders).where(orders.c.id == order_id, within(orders, reach))).all()
    return _with_lines(db, rows)[0].details


def _replace_lines(db: Connection, order_id: UUID, details: OrderDetails) -> None:
    db.execute(delete(order_lines).where(order_lines.c.order_id == order_id))
    db.execute(insert(order_lines), line_rows(order_id, details))


def _condition(name: str, sought: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool]
    if name == "created_from":
        condition = orders.c.created_at >= sought
    elif name == "created_to":
        condition = orders.c.created_at < sought
    else:
        condition = orders.c[name] == sought
    return condition


def _order_bytes(order: Order) -> int:
    return sum(_LINE_BYTES + text_bytes(line.description) for line in order.details.lines)


def _with_lines(db: Connection, rows: Sequence[Row[Any]]) -> list[Order]:
    if not rows:
        return []
    of_these = order_lines.c.order_id.in_([row.id for row in rows])
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    for line in db.execute(select(order_lines).where(of_these).order_by(order_lines.c.position)):
        lines[line.order_id].append(OrderLine(line.description, line.quantity, line.unit_price_minor))
    return [order_of(row, tuple(lines[row.id])) for row in rows]
