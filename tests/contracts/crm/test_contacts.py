"""What every store of contacts promises, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from services.crm.contacts import Contact, ContactDetails
from services.crm.storage.contacts import SqlContacts
from shared.bearer import Owner, Reach
from shared.database import Database
from shared.pagination import Cursor

NOON = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
ALICE, BOB = Owner("alice", "sales"), Owner("bob", "support")
EVERYONE = Reach(everyone=True)


@pytest.fixture
def contacts(migrated_database: Callable[[str], Database]) -> SqlContacts:
    return SqlContacts(migrated_database("crm"))


def contact(owner: Owner = ALICE, at: datetime = NOON, name: str = "Mad Hatter") -> Contact:
    return Contact(uuid7(), owner, ContactDetails(name), at, at)


def test_a_contact_comes_back_as_it_went(contacts: SqlContacts) -> None:
    details = ContactDetails("Käthe 🫖 'x' \"y\" \\", "k@tea.example", "+49", uuid7())
    kept = Contact(uuid7(), ALICE, details, NOON, NOON + timedelta(seconds=1))
    contacts.add(kept)
    assert contacts.find(kept.id, EVERYONE) == kept


def test_the_longest_texts_fit(contacts: SqlContacts) -> None:
    kept = Contact(uuid7(), Owner("s" * 255, "t" * 255), ContactDetails("🫖" * 200, "e" * 254, "1" * 50), NOON, NOON)
    contacts.add(kept)
    assert contacts.find(kept.id, EVERYONE) == kept


@pytest.mark.parametrize(
    ("reach", "seen"),
    [
        (Reach(), False),
        (Reach(subject="alice"), True),
        (Reach(subject="bob"), False),
        (Reach(subject="bob", team="sales"), True),
        (Reach(subject="bob", team="support"), False),
        (Reach(team="sales"), True),
        (EVERYONE, True),
    ],
)
def test_nothing_beyond_reach_is_found_or_listed(contacts: SqlContacts, reach: Reach, seen: bool) -> None:
    kept = contact()
    contacts.add(kept)
    assert contacts.find(kept.id, reach) == (kept if seen else None)
    assert contacts.page(reach, 10, None).items == ([kept] if seen else [])


def test_no_team_is_nobodys_team(contacts: SqlContacts) -> None:
    contacts.add(contact(Owner("alice", None)))
    assert contacts.page(Reach(subject="bob", team=None), 10, None).items == []


def test_an_unknown_id_is_none(contacts: SqlContacts) -> None:
    assert contacts.find(UUID(int=0), EVERYONE) is None


def test_pages_are_whole_and_in_order(contacts: SqlContacts) -> None:
    kept = [contact(at=NOON + timedelta(microseconds=number // 3)) for number in range(20)]
    for one in kept:
        contacts.add(one)
    seen: list[Contact] = []
    after = None
    while True:
        page = contacts.page(Reach(subject="alice"), 3, after)
        seen += page.items
        if page.next_cursor is None:
            break
        assert len(page.items) == 3
        after = Cursor.decode(page.next_cursor)
    assert seen == sorted(kept, key=lambda one: (one.created_at, one.id), reverse=True)


def test_a_cursor_at_either_end_of_the_calendar_is_a_place_like_any_other(contacts: SqlContacts) -> None:
    kept = contact()
    contacts.add(kept)
    before_all = Cursor(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
    after_all = Cursor(datetime.min.replace(tzinfo=UTC), UUID(int=0))
    assert contacts.page(EVERYONE, 10, before_all).items == [kept]
    assert contacts.page(EVERYONE, 10, after_all).items == []


def test_replacing_keeps_the_id_alone(contacts: SqlContacts) -> None:
    before = contact()
    contacts.add(before)
    after = replace(before, owner=BOB, details=ContactDetails("March Hare"))
    contacts.replace(after)
    assert contacts.find(before.id, EVERYONE) == after
