"""What every store of records promises, on SQLite and on PostgreSQL, told of contacts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from services.crm.companies import Company, CompanyDetails
from services.crm.contacts import Contact, ContactDetails
from services.crm.records import Listing
from shared.api.pagination import Cursor
from shared.api.reach import Owner, Reach
from tests.support.crm_stores import SOMEBODY, Contacts, Stores

NOON = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
ALICE, BOB = Owner("alice", "sales"), Owner("bob", "support")
MINE, EVERYONE = Reach(subject="alice"), Reach(everyone=True)
NEWEST = Listing()


def contact(owner: Owner = ALICE, at: datetime = NOON, name: str = "Mad Hatter", **details: Any) -> Contact:
    return Contact(uuid7(), owner, ContactDetails(name, **details), at, at)


def company(owner: Owner = ALICE) -> Company:
    return Company(uuid7(), owner, CompanyDetails("Tea & Sons", "tea.example", "1"), NOON, NOON)


def walk(contacts: Contacts, listing: Listing, reach: Reach = MINE, limit: int = 3) -> list[Contact]:
    """Return the listing, read page by page."""
    seen: list[Contact] = []
    after = None
    kind = str if listing.sort == "name" else datetime
    while True:
        page = contacts.page(reach, listing, limit, after)
        seen += page.items
        if page.next_cursor is None:
            return seen
        assert len(page.items) == limit
        after = Cursor.decode(page.next_cursor, listing.identity("contacts", reach), kind)


def test_a_contact_comes_back_as_it_went(stores: Stores) -> None:
    firm = company()
    stores.companies.add(firm)
    details = ContactDetails("Käthe 🫖 'x' \"y\" \\", "k@tea.example", "+49", firm.id)
    kept = Contact(uuid7(), ALICE, details, NOON, NOON + timedelta(seconds=1), version=7)
    stores.contacts.add(kept)
    assert stores.contacts.find(kept.id, EVERYONE) == kept
    assert stores.companies.find(firm.id, EVERYONE) == firm


def test_the_longest_texts_fit(contacts: Contacts) -> None:
    owner = Owner("s" * 255, "t" * 255)
    for name in ("🫖" * 200, "ΐ" * 200, "ﷺ" * 200):
        kept = contact(owner, name=name, email="e" * 254, phone="1" * 50)
        contacts.add(kept)
        assert contacts.find(kept.id, EVERYONE) == kept


@pytest.mark.parametrize(
    ("reach", "seen"),
    [
        (Reach(), False),
        (Reach(subject="alice"), True),
        (Reach(subject="bob"), False),
        (Reach(subject="bob", team="sales"), True),
        (Reach(subject="alice", team="sales"), True),
        (Reach(subject="bob", team="support"), False),
        (Reach(team="sales"), True),
        (EVERYONE, True),
    ],
)
def test_nothing_beyond_reach_is_found_listed_named_or_changed(contacts: Contacts, reach: Reach, seen: bool) -> None:
    kept = contact(email="hatter@tea.example")
    contacts.add(kept)
    assert contacts.find(kept.id, reach) == (kept if seen else None)
    for where in ({}, {"q": "mad"}, {"name": "mad"}, {"email": "hatter@tea.example"}):
        assert contacts.page(reach, Listing(where=where), 10, None).items == ([kept] if seen else [])
    assert contacts.known([kept.id], reach) == ({kept.id} if seen else set())
    changed = contacts.change(kept.id, reach, lambda record: replace(record, version=2), deleted=True)
    assert (changed is not None) == seen
    found = contacts.find(kept.id, EVERYONE)
    assert found is not None and found.version == (2 if seen else 1)


def test_no_team_is_nobodys_team(contacts: Contacts) -> None:
    contacts.add(contact(Owner("alice", None)))
    assert contacts.page(Reach(subject="bob", team=None), NEWEST, 10, None).items == []


def test_an_unknown_id_is_none(contacts: Contacts) -> None:
    assert contacts.find(UUID(int=0), EVERYONE) is None
    assert contacts.change(UUID(int=0), EVERYONE, lambda record: record, deleted=True) is None


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", ["created_at", "updated_at", "name"])
@pytest.mark.parametrize("reach", [MINE, Reach(subject="alice", team="sales"), EVERYONE], ids=["own", "team", "all"])
def test_pages_are_whole_and_in_order(contacts: Contacts, sort: str, descending: bool, reach: Reach) -> None:
    names = ["b", "B", "é", "z", "Z", "ä", "a", "🫖", "￼", "_"]
    kept = [
        contact(
            ALICE if number % 3 else Owner("dinah", "sales"),
            NOON + timedelta(microseconds=(number * 7 % 20) // 3),
            names[number % len(names)],
        )
        for number in range(20)
    ]
    foreign = [contact(BOB, NOON, name) for name in names]
    contacts.add(*kept, *foreign)
    within = [*kept, *foreign] if reach.everyone else [one for one in kept if reach.team or one.owner == ALICE]

    def place(one: Contact) -> tuple[Any, UUID]:
        return (one.details.name.casefold() if sort == "name" else getattr(one, sort), one.id)

    assert walk(contacts, Listing(sort, descending), reach) == sorted(within, key=place, reverse=descending)


def test_a_list_that_just_fits_has_no_next_page(contacts: Contacts) -> None:
    contacts.add(contact(), contact())
    assert contacts.page(MINE, NEWEST, 2, None).next_cursor is None
    assert contacts.page(MINE, NEWEST, 1, None).next_cursor is not None


def test_a_cursor_at_either_end_of_the_calendar_is_a_place_like_any_other(contacts: Contacts) -> None:
    kept = contact()
    contacts.add(kept)
    before_all = Cursor(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
    after_all = Cursor(datetime.min.replace(tzinfo=UTC), UUID(int=0))
    assert contacts.page(EVERYONE, NEWEST, 10, before_all).items == [kept]
    assert contacts.page(EVERYONE, NEWEST, 10, after_all).items == []


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"name": "mad"}, ["Mad Hatter", "Madge"]),
        ({"name": "MAD h"}, ["Mad Hatter"]),
        ({"name": "m%"}, []),
        ({"name": "_ad"}, []),
        ({"email": "HATTER@tea.example"}, ["Mad Hatter"]),
        ({"email": "hatter@tea"}, []),
        ({"updated_since": NOON + timedelta(seconds=1)}, ["Madge"]),
        ({"q": "hat"}, ["Mad Hatter"]),
        ({"q": "hat mad"}, ["Mad Hatter"]),
        ({"q": "tea"}, ["Mad Hatter"]),
        ({"q": "atter"}, []),
        ({"q": "KATHE"}, ["Käthe"]),
        ({"q": "käthe"}, ["Käthe"]),
        ({"q": "0001"}, ["Madge"]),
        ({"q": "mad", "name": "madge"}, ["Madge"]),
        ({"q": "..."}, []),
    ],
)
def test_filters_and_search(contacts: Contacts, where: dict[str, Any], found: list[str]) -> None:
    contacts.add(
        contact(name="Mad Hatter", email="Hatter@Tea.example"),
        contact(name="Madge", phone="+44 20 7946 0001", at=NOON + timedelta(seconds=1)),
        contact(name="Käthe"),
        contact(BOB, name="Mad Hatter", email="hatter@tea.example"),
    )
    listed = contacts.page(MINE, Listing("name", descending=False, where=where), 10, None).items
    assert [one.details.name for one in listed] == found


@pytest.mark.parametrize(
    "question",
    [
        '"',
        "'",
        "*",
        "a*",
        "a AND",
        "NOT",
        "NEAR(",
        "a:b",
        "search_text:x",
        "-a",
        "^a",
        "(",
        "a & | !",
        "\\",
        "a'b",
        "<->",
    ],
)
def test_no_question_is_an_error_or_an_operator(contacts: Contacts, question: str) -> None:
    contacts.add(contact(name="a b near and not search text x"))
    contacts.page(MINE, Listing(where={"q": question}), 10, None)


def test_search_sees_changes_and_nothing_that_is_gone(contacts: Contacts) -> None:
    kept = contact(name="Mad Hatter")
    contacts.add(kept)

    def found(question: str) -> int:
        return len(contacts.page(MINE, Listing(where={"q": question}), 10, None).items)

    contacts.change(
        kept.id, MINE, lambda one: replace(one, details=ContactDetails("March Hare"), version=2), deleted=False
    )
    assert (found("hatter"), found("hare")) == (0, 1)
    contacts.change(kept.id, MINE, lambda one: replace(one, deleted_at=NOON, version=3), deleted=False)
    assert found("hare") == 0


def test_a_deleted_record_is_nowhere_but_in_the_list_of_deleted_ones(contacts: Contacts) -> None:
    gone, there = contact(name="Gone"), contact(name="There")
    contacts.add(gone, there)
    contacts.change(gone.id, MINE, lambda one: replace(one, deleted_at=NOON, version=2), deleted=False)
    assert contacts.find(gone.id, MINE) is None
    assert contacts.known([gone.id, there.id], MINE) == {there.id}
    assert contacts.page(MINE, NEWEST, 10, None).items == [there]
    for sort in ("created_at", "name", "updated_at"):
        assert [one.id for one in contacts.page(MINE, Listing(sort, deleted=True), 10, None).items] == [gone.id]
    assert contacts.change(gone.id, MINE, lambda one: one, deleted=False) is None
    restored = contacts.change(gone.id, MINE, lambda one: replace(one, deleted_at=None, version=3), deleted=True)
    assert restored == replace(gone, version=3)


def test_what_the_step_raises_leaves_the_record_as_it_was(contacts: Contacts) -> None:
    kept = contact()
    contacts.add(kept)

    def refuse(record: Contact) -> Contact:
        raise RuntimeError(record.details.name)

    with pytest.raises(RuntimeError, match="Mad Hatter"):
        contacts.change(kept.id, MINE, refuse, deleted=False)
    assert contacts.find(kept.id, MINE) == kept


def test_many_are_added_all_or_none(contacts: Contacts) -> None:
    many = [contact(name=f"n{number}") for number in range(1200)]
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        contacts.add(*many, many[0])
    assert contacts.page(MINE, NEWEST, 1, None).items == []
    contacts.add(*many)
    assert contacts.known([one.id for one in many], MINE) == {one.id for one in many}


def test_replacing_keeps_the_id_alone(contacts: Contacts) -> None:
    before = contact()
    contacts.add(before)
    after = replace(before, owner=BOB, details=ContactDetails("March Hare"), version=2)
    contacts.save([(before, after)], SOMEBODY)
    assert contacts.find(before.id, EVERYONE) == after
