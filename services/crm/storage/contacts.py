"""Contacts in SQL. Each method is one statement; each read carries the owner in its WHERE clause."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, false, insert, or_, select, true, tuple_, update
from sqlalchemy import literal as value

from services.crm.contacts import Contact, ContactDetails
from services.crm.storage.tables import contacts
from shared.bearer import Owner, Reach
from shared.database import Database, UtcDateTime
from shared.pagination import Cursor, Page


class SqlContacts:
    """Implements `services.crm.contacts.ContactStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, contact: Contact) -> None:
        """Keep a new contact."""
        with self._database.autocommit() as db:
            db.execute(insert(contacts).values(_row(contact)))

    def replace(self, contact: Contact) -> None:
        """Overwrite the contact with this one's id, whoever owns it: for seeds, not for requests."""
        with self._database.autocommit() as db:
            db.execute(update(contacts).where(contacts.c.id == contact.id).values(_row(contact)))

    def find(self, contact_id: UUID, reach: Reach) -> Contact | None:
        """Return the contact, None if there is none within reach."""
        statement = select(contacts).where(contacts.c.id == contact_id, _within(reach))
        with self._database.autocommit() as db:
            row = db.execute(statement).one_or_none()
        return None if row is None else _contact(row)

    def page(self, reach: Reach, limit: int, after: Cursor | None) -> Page[Contact]:
        """Return the contacts within reach, newest first."""
        place = (contacts.c.created_at, contacts.c.id)
        statement = select(contacts).where(_within(reach)).order_by(*(column.desc() for column in place))
        if after is not None:
            last = tuple_(value(after.created_at, UtcDateTime), value(after.id, contacts.c.id.type))
            statement = statement.where(tuple_(*place) < last)
        with self._database.autocommit() as db:
            found = [_contact(row) for row in db.execute(statement.limit(limit + 1))]
        items = found[:limit]
        more = len(found) > limit
        return Page(items, Cursor(items[-1].created_at, items[-1].id).encode() if more else None)


def _within(reach: Reach) -> ColumnElement[bool]:
    if reach.everyone:
        return true()
    clauses: list[ColumnElement[bool]] = []
    if reach.subject is not None:
        clauses.append(contacts.c.owner_sub == reach.subject)
    if reach.team is not None:
        clauses.append(contacts.c.owner_team == reach.team)
    return or_(false(), *clauses)


def _row(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "owner_sub": contact.owner.subject,
        "owner_team": contact.owner.team,
        "name": contact.details.name,
        "email": contact.details.email,
        "phone": contact.details.phone,
        "company_id": contact.details.company_id,
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
    }


def _contact(row: Row[Any]) -> Contact:
    return Contact(
        id=row.id,
        owner=Owner(row.owner_sub, row.owner_team),
        details=ContactDetails(row.name, row.email, row.phone, row.company_id),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
