"""Contacts in SQL."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy import Column, ColumnElement, Row

from services.crm.contacts import ContactDetails
from services.crm.search_text import search_text, sort_key
from services.crm.storage.records import SqlRecords, begins_with
from services.crm.storage.tables import contacts


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

    def condition(self, name: str, sought: Any) -> ColumnElement[bool]:
        """Return the condition of a filter: the beginning of a name, a whole e-mail address without case."""
        if name == "name":
            return begins_with(contacts.c.name_key, sort_key(sought))
        if name == "email":
            return contacts.c.email_key == sort_key(sought)
        return super().condition(name, sought)
