"""Contacts: what a contact is, and what may be done with one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.bearer import Owner, Reach
from shared.errors import NotFound
from shared.pagination import Cursor, Page


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """What its owner says of a contact."""

    name: str
    email: str | None = None
    phone: str | None = None
    company_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person that the company knows."""

    id: UUID
    owner: Owner
    details: ContactDetails
    created_at: datetime
    updated_at: datetime


class ContactStore(Protocol):
    """Where contacts are kept. Every read says how far it reaches; what lies beyond does not exist for it."""

    def add(self, contact: Contact) -> None:
        """Keep a new contact."""

    def find(self, contact_id: UUID, reach: Reach) -> Contact | None:
        """Return the contact, None if there is none within reach."""

    def page(self, reach: Reach, limit: int, after: Cursor | None) -> Page[Contact]:
        """Return the contacts within reach, newest first."""


def create_contact(details: ContactDetails, owner: Owner, contacts: ContactStore, now: datetime) -> Contact:
    """Keep and return a new contact."""
    contact = Contact(uuid7(), owner, details, created_at=now, updated_at=now)
    contacts.add(contact)
    return contact


def get_contact(contact_id: UUID, reach: Reach, contacts: ContactStore) -> Contact:
    """Return one contact.

    Raises:
        NotFound: there is none within reach; a foreign one and one that never was look alike.
    """
    if (contact := contacts.find(contact_id, reach)) is None:
        raise NotFound("No such contact.")
    return contact
