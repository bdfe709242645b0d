"""Two changes at once, each on a connection of its own."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

from uuid_utils.compat import uuid7

from services.crm.companies import Company, CompanyDetails
from services.crm.contacts import Contact, ContactDetails
from services.crm.records import ChangeRequest, Reference
from shared.api.entity_tags import Precondition
from shared.api.reach import Owner, Reach
from shared.database import Database
from shared.errors import InvalidInput, PreconditionFailed
from tests.support.crm_stores import SOMEBODY, Contacts, Stores, stores_on

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINE = Reach(subject="alice")
WRITERS = 8


def test_of_many_changes_with_the_same_tag_exactly_one_wins(migrated_database: Callable[[str], Database]) -> None:
    database = migrated_database("crm")
    contact = Contact(uuid7(), Owner("alice", None), ContactDetails("0"), NOON, NOON)
    Contacts(database).add(contact)
    start = Barrier(WRITERS)

    def patch(number: int) -> str | None:
        own = Database(database.url)  # as another process has it
        seen = Precondition(sent=True, tags=(contact.entity_tag,))
        change = ChangeRequest(contact.id, MINE, SOMEBODY, seen, NOON + timedelta(seconds=number))
        start.wait()
        try:
            return change.edit(Contacts(own), lambda details: replace(details, name=str(number))).details.name
        except PreconditionFailed:
            return None
        finally:
            own.dispose()

    with ThreadPoolExecutor(WRITERS) as pool:
        winners = [name for name in pool.map(patch, range(1, WRITERS + 1)) if name]
    found = Contacts(database).find(contact.id, MINE)
    assert found is not None
    assert winners == [found.details.name]
    assert found.version == 2


def test_changes_of_different_members_at_once_lose_nothing(migrated_database: Callable[[str], Database]) -> None:
    database = migrated_database("crm")
    contact = Contact(uuid7(), Owner("alice", None), ContactDetails("0"), NOON, NOON)
    Contacts(database).add(contact)
    said = [{"name": "Mad Hatter"}, {"email": "hatter@tea.example"}, {"phone": "1"}]
    start = Barrier(len(said))

    def patch(members: dict[str, str]) -> None:
        own = Database(database.url)
        start.wait()
        change = ChangeRequest(contact.id, MINE, SOMEBODY, Precondition(), NOON)
        change.edit(Contacts(own), lambda details: replace(details, **members))  # type: ignore[arg-type]
        own.dispose()

    with ThreadPoolExecutor(len(said)) as pool:
        list(pool.map(patch, said))
    found = Contacts(database).find(contact.id, MINE)
    assert found is not None
    assert found.details == ContactDetails("Mad Hatter", "hatter@tea.example", "1")


def test_no_contact_keeps_a_company_that_is_deleted_while_it_is_linked(
    migrated_database: Callable[[str], Database],
) -> None:
    """Linking locks the company, then the contact, as a deletion does: none waits for the other in a circle."""
    database = migrated_database("crm")
    stores, owner = stores_on(database), Owner("alice", None)
    firms = [Company(uuid7(), owner, CompanyDetails(str(number)), NOON, NOON) for number in range(20)]
    contact = Contact(uuid7(), owner, ContactDetails("0"), NOON, NOON)
    stores.companies.add(*firms)
    stores.contacts.add(contact)

    def link_to(firm: Company, own: Stores) -> None:
        reference = Reference(own.companies, MINE, ("body", "company_id"))
        ChangeRequest(contact.id, MINE, SOMEBODY, Precondition(), NOON).edit(
            own.contacts,
            lambda details: replace(details, company_id=firm.id),
            lambda found: reference.require(firm.id, found.owner, found.details.company_id),
        )

    def link(own: Stores) -> None:
        for firm in firms:
            with contextlib.suppress(InvalidInput):
                link_to(firm, own)

    def delete(own: Stores) -> None:
        for firm in firms:
            ChangeRequest(firm.id, MINE, SOMEBODY, Precondition(), NOON).delete(own.companies, own.contacts)

    def at_once(work: Callable[[Stores], None]) -> None:
        own = Database(database.url)
        start.wait()
        work(stores_on(own))
        own.dispose()

    start = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(at_once, [link, delete]))
    found = stores.contacts.find(contact.id, MINE)
    assert found is not None and found.details.company_id is None
    changes = stores.contacts.history(contact.id, MINE, 200, None).items
    assert [change.version for change in changes] == list(range(found.version, 0, -1))
