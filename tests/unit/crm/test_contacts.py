from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.crm.contacts import Contact, ContactDetails, create_contact, get_contact
from shared.bearer import Owner, Reach
from shared.errors import NotFound
from shared.pagination import Cursor, Page

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ALICE = Owner("alice", "sales")


class ContactsInMemory:
    """Keeps contacts, and shows whom a reach names their own alone."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Contact] = {}

    def add(self, contact: Contact) -> None:
        self.kept[contact.id] = contact

    def find(self, contact_id: UUID, reach: Reach) -> Contact | None:
        found = self.kept.get(contact_id)
        return found if found is not None and found.owner.subject == reach.subject else None

    def page(self, reach: Reach, limit: int, after: Cursor | None) -> Page[Contact]:
        raise NotImplementedError


def test_a_new_contact_is_its_makers_and_is_kept() -> None:
    contacts = ContactsInMemory()
    made = create_contact(ContactDetails("Mad Hatter"), ALICE, contacts, NOON)
    assert (made.owner, made.created_at, made.updated_at) == (ALICE, NOON, NOON)
    assert made.id.version == 7
    assert get_contact(made.id, Reach(subject="alice"), contacts) == made


def test_what_is_beyond_reach_is_not_found() -> None:
    contacts = ContactsInMemory()
    made = create_contact(ContactDetails("Mad Hatter"), ALICE, contacts, NOON)
    with pytest.raises(NotFound):
        get_contact(made.id, Reach(subject="bob"), contacts)
