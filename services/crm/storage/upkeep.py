"""What is done to many records at once, or to all that is kept of one contact: handing over, moving, purging, erasing.

Policy: ADR-0050, ADR-0051. No request reaches this: an operator's commands and the clock do.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from services.crm.records import Change
from services.crm.storage.history import keep_changes
from services.crm.storage.tables import activities, companies, contacts, idempotency_keys, people, record_history
from shared.api.history import Actor, differences
from shared.api.idempotency import SqlIdempotencyKeys
from shared.api.owned_rows import within
from shared.api.reach import Owner, Reach
from shared.api.teams import SqlTeams
from shared.database import Connection, Database
from shared.errors import NotFound

#: Records that one transaction hands over or removes.
_AT_ONCE = 500
_ALL = Reach(everyone=True)
_KINDS = (companies, contacts, activities)


def teams_of(database: Database) -> SqlTeams:
    """Return the people of this database, and the records that follow them."""
    return SqlTeams(database, people, _KINDS)


class CrmUpkeep:
    """Implements `shared.api.upkeep.Upkeep`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._teams = teams_of(database)

    def move(self, subject: str, team: str, now: datetime) -> int:
        """Put a person and their records into a team, and return how many records were in another."""
        return self._teams.move(subject, team, now)

    def reassign(self, subject: str, to: str, by: Actor, now: datetime) -> dict[str, int]:
        """Hand all records of one person to another, into that one's team, deleted ones too; count them by kind."""
        team = self._teams.team_of(to)

        def hand_over(table: Table) -> int:
            return self._in_batches(lambda db: _hand_over(db, table, subject, Owner(to, team), by, now))

        return {table.name: hand_over(table) for table in _KINDS}

    def purge(self, now: datetime, keep_deleted: timedelta) -> dict[str, int]:
        """Remove records deleted so long ago with all that hangs on them, and expired idempotency keys."""

        def purge(table: Table) -> int:
            return self._in_batches(lambda db: _purge(db, table, now - keep_deleted))

        removed = {table.name: purge(table) for table in reversed(_KINDS)}
        if any(removed.values()):
            with self._database.unit_of_work() as db:
                _forget_words(db)
        return {**removed, "idempotency keys": SqlIdempotencyKeys(self._database, idempotency_keys).purge_all(now)}

    def erase_contact(self, contact_id: UUID) -> dict[str, int]:
        """Remove all that is kept of one contact, deleted or not: record, activities, search words, stored answers.

        Raises:
            NotFound: there is no such contact.
        """
        with self._database.unit_of_work() as db:
            this = select(contacts.c.id).where(contacts.c.id == contact_id, within(contacts, _ALL))
            if db.execute(this.with_for_update()).first() is None:
                raise NotFound(f"records erase: there is no contact {contact_id}")
            removed = _remove(db, contacts, [contact_id])
            keys = SqlIdempotencyKeys(self._database, idempotency_keys)
            removed["stored answers"] = keys.forget_answers_with(str(contact_id))
            _forget_words(db)
        return removed

    def _in_batches(self, step: Callable[[Connection], int]) -> int:
        total = 0
        while True:
            with self._database.unit_of_work() as db:
                done = step(db)
            total += done
            if done < _AT_ONCE:
                return total


def _hand_over(db: Connection, table: Table, subject: str, to: Owner, by: Actor, now: datetime) -> int:
    """Hand some records over; an owner without a known team leaves them in the one that they are in."""
    theirs = select(table).where(within(table, Reach(subject=subject))).order_by(table.c.id).limit(_AT_ONCE)
    rows = db.execute(theirs.with_for_update()).all()
    if not rows:
        return 0
    changes = []
    for row in rows:
        before = {"owner_sub": row.owner_sub, "owner_team": row.owner_team}
        what = differences(before, {"owner_sub": to.subject, "owner_team": to.team or row.owner_team})
        changes.append((row.id, Change(row.version + 1, now, by, "reassign", what)))
    owner = {"owner_sub": to.subject} if to.team is None else {"owner_sub": to.subject, "owner_team": to.team}
    these = table.c.id.in_([row.id for row in rows])
    handed = update(table).where(these, within(table, Reach(subject=subject)))
    db.execute(handed.values(version=table.c.version + 1, updated_at=now, **owner))
    keep_changes(db, table, changes)
    return len(rows)


def _purge(db: Connection, table: Table, before: datetime) -> int:
    old = select(table.c.id).where(within(table, _ALL), table.c.deleted_at < before).limit(_AT_ONCE)
    found = db.scalars(old.with_for_update(skip_locked=True)).all()
    if found:
        _remove(db, table, found)
    return len(found)


def _remove(db: Connection, table: Table, ids: Sequence[UUID]) -> dict[str, int]:
    """Remove records with their histories and the activities on them; what else names them names nothing then."""
    removed: dict[str, int] = {}
    if table is not activities:
        column = activities.c.contact_id if table is contacts else activities.c.company_id
        on_them = select(activities.c.id).where(column.in_(ids), within(activities, _ALL))
        removed = _remove(db, activities, db.scalars(on_them).all())
    if table is companies:
        db.execute(
            update(contacts).where(contacts.c.company_id.in_(ids), within(contacts, _ALL)).values(company_id=None)
        )
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        told = record_history.c.record_id.in_(some)
        db.execute(delete(record_history).where(record_history.c.kind == table.name, told))
        db.execute(delete(table).where(table.c.id.in_(some), within(table, _ALL)))
    return {table.name: len(ids), **removed}


def _forget_words(db: Connection) -> None:
    """Merge the index of the words on SQLite, which keeps those of removed rows until then."""
    if db.dialect.name != "sqlite":
        return
    for table in _KINDS:
        name = f"search_{table.name}"
        db.execute(insert(sql_table(name, sql_column(name))).values({name: "optimize"}))
