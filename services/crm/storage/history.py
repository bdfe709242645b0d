"""The history of records in SQL: one row for each version. It only grows.

Policy: ADR-0046. It is read through its record alone, whose statement has the owner's clause.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, insert, select

from services.crm.records import Change
from services.crm.storage.tables import record_history
from shared.api.history import Actor
from shared.api.owned_rows import within
from shared.api.pagination import Page, gather
from shared.api.reach import Reach
from shared.database import Connection


def keep_changes(db: Connection, table: Table, changes: Sequence[tuple[UUID, Change]]) -> None:
    """Keep changes of records of that table, each with the id of its record."""
    db.execute(insert(record_history), [_row(table.name, record_id, change) for record_id, change in changes])


def page_of_changes(
    db: Connection, table: Table, record_id: UUID, reach: Reach, limit: int, before: int | None
) -> Page[Change]:
    """Return changes of one record within reach, the last first; `before` is the version that ended the last page."""
    statement = (
        select(record_history)
        .join(table, table.c.id == record_history.c.record_id)
        .where(record_history.c.kind == table.name, record_history.c.record_id == record_id, within(table, reach))
        .order_by(record_history.c.version.desc())
    )

    def fetch(count: int, last: Change | None) -> list[Change]:
        end = before if last is None else last.version
        earlier = statement if end is None else statement.where(record_history.c.version < end)
        return [_change(row) for row in db.execute(earlier.limit(count))]

    items, more = gather(limit, fetch, lambda change: len(json.dumps(change.changes)))
    return Page(items, str(items[-1].version) if more else None)


def _row(kind: str, record_id: UUID, change: Change) -> dict[str, Any]:
    return {
        "kind": kind,
        "record_id": record_id,
        "version": change.version,
        "at": change.at,
        "actor_sub": change.actor.subject,
        "actor_client_id": change.actor.client_id,
        "actor_acting": change.actor.acting,
        "action": change.action,
        "changes": dict(change.changes),
    }


def _change(row: Row[Any]) -> Change:
    return Change(
        version=row.version,
        at=row.at,
        actor=Actor(row.actor_sub, row.actor_client_id, row.actor_acting),
        action=row.action,
        changes=row.changes,
    )
