"""Two changes at once, each on a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

from uuid_utils.compat import uuid7

from services.crm.contacts import Contact, ContactDetails
from services.crm.records import ChangeRequest
from services.crm.storage.contacts import SqlContacts
from shared.api.entity_tags import Precondition
from shared.api.reach import Owner, Reach
from shared.database import Database
from shared.errors import PreconditionFailed

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINE = Reach(subject="alice")
WRITERS = 8


def test_of_many_changes_with_the_same_tag_exactly_one_wins(migrated_database: Callable[[str], Database]) -> None:
    database = migrated_database("crm")
    contact = Contact(uuid7(), Owner("alice", None), ContactDetails("0"), NOON, NOON)
    SqlContacts(database).add(contact)
    start = Barrier(WRITERS)

    def patch(number: int) -> str | None:
        own = Database(database.url)  # as another process has it
        seen = Precondition(sent=True, tags=(contact.entity_tag,))
        change = ChangeRequest(contact.id, MINE, seen, NOON + timedelta(seconds=number))
        start.wait()
        try:
            return change.edit(SqlContacts(own), lambda details: replace(details, name=str(number))).details.name
        except PreconditionFailed:
            return None
        finally:
            own.dispose()

    with ThreadPoolExecutor(WRITERS) as pool:
        winners = [name for name in pool.map(patch, range(1, WRITERS + 1)) if name]
    found = SqlContacts(database).find(contact.id, MINE)
    assert found is not None
    assert winners == [found.details.name]
    assert found.version == 2


def test_changes_of_different_members_at_once_lose_nothing(migrated_database: Callable[[str], Database]) -> None:
    database = migrated_database("crm")
    contact = Contact(uuid7(), Owner("alice", None), ContactDetails("0"), NOON, NOON)
    SqlContacts(database).add(contact)
    said = [{"name": "Mad Hatter"}, {"email": "hatter@tea.example"}, {"phone": "1"}]
    start = Barrier(len(said))

    def patch(members: dict[str, str]) -> None:
        own = Database(database.url)
        start.wait()
        change = ChangeRequest(contact.id, MINE, Precondition(), NOON)
        change.edit(SqlContacts(own), lambda details: replace(details, **members))  # type: ignore[arg-type]
        own.dispose()

    with ThreadPoolExecutor(len(said)) as pool:
        list(pool.map(patch, said))
    found = SqlContacts(database).find(contact.id, MINE)
    assert found is not None
    assert found.details == ContactDetails("Mad Hatter", "hatter@tea.example", "1")
