"""What is done to many orders at once: handing over, moving to a team, purging.

Policy: ADR-0050, ADR-0051. No request reaches this: an operator's command and the clock do.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from services.orders.history import Change
from services.orders.lifecycle import OrderStatus
from services.orders.orders import owner_changes
from services.orders.storage.rows import history_row
from services.orders.storage.tables import idempotency_keys, order_history, orders, people
from shared.api.history import Actor
from shared.api.idempotency import SqlIdempotencyKeys
from shared.api.owned_rows import within
from shared.api.reach import Owner, Reach
from shared.api.teams import SqlTeams
from shared.database import Connection, Database

#: Orders that one transaction hands over.
_AT_ONCE = 500


def teams_of(database: Database) -> SqlTeams:
    """Return the people of this database, and the orders that follow them."""
    return SqlTeams(database, people, [orders])


class OrderUpkeep:
    """Implements `shared.api.upkeep.Upkeep`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._teams = teams_of(database)

    def move(self, subject: str, team: str, now: datetime) -> int:
        """Put a person and their orders into a team, and return how many orders were in another."""
        return self._teams.move(subject, team, now)

    def purge(self, now: datetime, keep_deleted: timedelta) -> dict[str, int]:
        """Remove expired idempotency keys; an order is never deleted."""
        del keep_deleted
        return {"idempotency keys": SqlIdempotencyKeys(self._database, idempotency_keys).purge_all(now)}

    def reassign(self, subject: str, to: str, by: Actor, now: datetime) -> dict[str, int]:
        """Hand all orders of one person to another, into that one's team, and return how many."""
        team = self._teams.team_of(to)
        return {"orders": _in_batches(self._database, lambda db: _hand_over(db, subject, to, team, by, now))}


def _in_batches(database: Database, step: Callable[[Connection], int]) -> int:
    total = 0
    while True:
        with database.unit_of_work() as db:
            done = step(db)
        total += done
        if done < _AT_ONCE:
            return total


def _hand_over(db: Connection, subject: str, to: str, team: str | None, by: Actor, now: datetime) -> int:
    theirs = select(orders).where(within(orders, Reach(subject=subject))).order_by(orders.c.id).limit(_AT_ONCE)
    rows = db.execute(theirs.with_for_update()).all()
    if not rows:
        return 0
    history = []
    for row in rows:
        status = OrderStatus(row.status)
        what = owner_changes(Owner(row.owner_sub, row.owner_team), Owner(to, team or row.owner_team))
        change = Change(row.version + 1, now, by, "reassign", status, status, what)
        history.append(history_row(row.id, change))
    owner = {"owner_sub": to} if team is None else {"owner_sub": to, "owner_team": team}
    these = orders.c.id.in_([row.id for row in rows])
    handed = update(orders).where(these, within(orders, Reach(subject=subject)))
    db.execute(handed.values(version=orders.c.version + 1, updated_at=now, **owner))
    db.execute(insert(order_history), history)
    return len(rows)
