"""Orders in SQL. Each read carries the owner in its WHERE clause; lines are reached through their order alone."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, false, insert, or_, select, true, tuple_, update
from sqlalchemy import literal as value

from services.orders.orders import Order, OrderDetails, OrderLine, OrderStatus
from services.orders.storage.tables import order_lines, orders
from shared.bearer import Owner, Reach
from shared.database import Connection, Database, UtcDateTime
from shared.pagination import Cursor, Page


class SqlOrders:
    """Implements `services.orders.orders.OrderStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, order: Order) -> None:
        """Keep a new order with its lines, wholly or not at all."""
        with self._database.unit_of_work() as db:
            db.execute(insert(orders).values(_row(order)))
            db.execute(insert(order_lines), _line_rows(order))

    def replace(self, order: Order) -> None:
        """Overwrite the order with this one's id, whoever owns it: for seeds, not for requests."""
        with self._database.unit_of_work() as db:
            db.execute(update(orders).where(orders.c.id == order.id).values(_row(order)))
            db.execute(delete(order_lines).where(order_lines.c.order_id == order.id))
            db.execute(insert(order_lines), _line_rows(order))

    def find(self, order_id: UUID, reach: Reach) -> Order | None:
        """Return the order, None if there is none within reach."""
        statement = select(orders).where(orders.c.id == order_id, _within(reach))
        with self._database.autocommit() as db:
            found = _with_lines(db, db.execute(statement).all())
        return found[0] if found else None

    def page(self, reach: Reach, limit: int, after: Cursor | None) -> Page[Order]:
        """Return the orders within reach, newest first."""
        place = (orders.c.created_at, orders.c.id)
        statement = select(orders).where(_within(reach)).order_by(*(column.desc() for column in place))
        if after is not None:
            last = tuple_(value(after.value, UtcDateTime), value(after.id, orders.c.id.type))
            statement = statement.where(tuple_(*place) < last)
        with self._database.autocommit() as db:
            rows = db.execute(statement.limit(limit + 1)).all()
            items = _with_lines(db, rows[:limit])
        more = len(rows) > limit
        return Page(items, Cursor(items[-1].created_at, items[-1].id).encode() if more else None)


def _within(reach: Reach) -> ColumnElement[bool]:
    if reach.everyone:
        return true()
    clauses: list[ColumnElement[bool]] = []
    if reach.subject is not None:
        clauses.append(orders.c.owner_sub == reach.subject)
    if reach.team is not None:
        clauses.append(orders.c.owner_team == reach.team)
    return or_(false(), *clauses)


def _with_lines(db: Connection, rows: Sequence[Row[Any]]) -> list[Order]:
    if not rows:
        return []
    of_these = order_lines.c.order_id.in_([row.id for row in rows])
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    for line in db.execute(select(order_lines).where(of_these).order_by(order_lines.c.position)):
        lines[line.order_id].append(OrderLine(line.description, line.quantity, line.unit_price_minor))
    return [_order(row, tuple(lines[row.id])) for row in rows]


def _row(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "owner_sub": order.owner.subject,
        "owner_team": order.owner.team,
        "customer_id": order.details.customer_id,
        "currency": order.details.currency,
        "status": order.status.value,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


def _line_rows(order: Order) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order.id,
            "position": position,
            "description": line.description,
            "quantity": line.quantity,
            "unit_price_minor": line.unit_price_minor,
        }
        for position, line in enumerate(order.details.lines, start=1)
    ]


def _order(row: Row[Any], lines: tuple[OrderLine, ...]) -> Order:
    return Order(
        id=row.id,
        owner=Owner(row.owner_sub, row.owner_team),
        details=OrderDetails(row.customer_id, row.currency, lines),
        status=OrderStatus(row.status),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
