"""Contacts in SQL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, select, update

from services.crm.contacts import ContactDetails
from services.crm.records import Change
from services.crm.search_text import search_text, sort_key
from services.crm.storage.history import keep_changes
from services.crm.storage.records import BATCH, SqlRecords, begins_with
from services.crm.storage.tables import contacts
from shared.api.history import Actor


class SqlContacts(SqlRecords[ContactDetails]):
    """Contacts."""

    table = contacts
    sorts: ClassVar[Mapping[str, Column[Any]]] = {
        "created_at": contacts.c.created_at,
        "updated_at": contacts.c.updated_at,
        "name": contacts.c.name_key,
    }

    def row_of(self, details: ContactDetails) -> dict[str, Any]:
        """Return the columns of what is said of the contact."""
        return {
            "name": details.name,
            "name_key": sort_key(details.name),
            "email": details.email,
            "email_key": None if details.email is None else sort_key(details.email),
            "phone": details.phone,
            "company_id": details.company_id,
            "search_text": search_text(details.name, details.email, details.phone),
        }

    def details_of(self, row: Row[Any]) -> ContactDetails:
        """Return what is said of the contact."""
        return ContactDetails(row.name, row.email, row.phone, row.company_id)

    def unlink(self, record_id: UUID, by: Actor, now: datetime) -> None:
        """Remove that company from every contact that belongs to it, of every owner, a batch at a time."""
        told = {"company_id": {"from": str(record_id), "to": None}}
        of_it = select(contacts.c.id, contacts.c.version).where(
            contacts.c.company_id == record_id, contacts.c.deleted_at.is_(None)
        )
        with self._database.unit_of_work() as db:
            while linked := db.execute(of_it.order_by(contacts.c.id).limit(BATCH).with_for_update()).all():
                ids = [row.id for row in linked]
                unlinked = {"company_id": None, "updated_at": now, "version": contacts.c.version + 1}
                db.execute(update(contacts).where(contacts.c.id.in_(ids)).values(**unlinked))
                changes = [(row.id, Change(row.version + 1, now, by, "unlink", told)) for row in linked]
                keep_changes(db, contacts, changes)

    def condition(self, name: str, sought: Any) -> ColumnElement[bool]:
        """Return the condition of a filter: the beginning of a name, a whole e-mail address without case."""
        if name == "name":
            return begins_with(contacts.c.name_key, sort_key(sought))
        if name == "email":
            return contacts.c.email_key == sort_key(sought)
        return super().condition(name, sought)
