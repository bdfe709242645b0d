"""Orders, their lines and their history as rows, and back."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.orders.history import Change
from services.orders.lifecycle import OrderStatus
from services.orders.orders import Order, OrderDetails, OrderLine
from shared.api.history import Actor
from shared.api.reach import Owner


def order_row(order: Order) -> dict[str, Any]:
    """Return the row of an order, its lines apart."""
    return {
        "id": order.id,
        "owner_sub": order.owner.subject,
        "owner_team": order.owner.team,
        "customer_id": order.details.customer_id,
        "currency": order.details.currency,
        "status": order.status.value,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "version": order.version,
    }


def line_rows(order_id: UUID, details: OrderDetails) -> list[dict[str, Any]]:
    """Return the rows of its lines, in order."""
    return [
        {
            "order_id": order_id,
            "position": position,
            "description": line.description,
            "quantity": line.quantity,
            "unit_price_minor": line.unit_price_minor,
        }
        for position, line in enumerate(details.lines, start=1)
    ]


def order_of(row: Row[Any], lines: tuple[OrderLine, ...]) -> Order:
    """Return the order that a row and its lines make up."""
    return Order(
        id=row.id,
        owner=Owner(row.owner_sub, row.owner_team),
        details=OrderDetails(row.customer_id, row.currency, lines),
        status=OrderStatus(row.status),
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def history_row(order_id: UUID, change: Change) -> dict[str, Any]:
    """Return the row of one change."""
    return {
        "order_id": order_id,
        "version": change.version,
        "at": change.at,
        "actor_sub": change.actor.subject,
        "actor_client_id": change.actor.client_id,
        "actor_acting": change.actor.acting,
        "action": str(change.action),
        "from_status": None if change.from_status is None else change.from_status.value,
        "to_status": change.to_status.value,
        "changes": dict(change.changes),
    }


def change_of(row: Row[Any]) -> Change:
    """Return the change that a row tells of."""
    return Change(
        version=row.version,
        at=row.at,
        actor=Actor(row.actor_sub, row.actor_client_id, row.actor_acting),
        action=row.action,
        from_status=None if row.from_status is None else OrderStatus(row.from_status),
        to_status=OrderStatus(row.to_status),
        changes=row.changes,
    )
