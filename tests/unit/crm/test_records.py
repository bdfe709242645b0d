from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.crm.contacts import Contact, ContactDetails
from services.crm.records import Change, ChangeRequest, Listing, get_record, new_record, require_known
from shared.api.entity_tags import Precondition
from shared.api.history import Actor
from shared.api.pagination import Cursor, Page
from shared.api.reach import Owner, Reach
from shared.errors import InvalidInput, NotFound, PreconditionFailed

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
ALICE, MINE = Owner("alice", "sales"), Reach(subject="alice")
APP = Actor("alice", "mobile-app")


class ContactsInMemory:
    """Keeps contacts, and shows whom a reach names their own alone."""

    def __init__(self, *kept: Contact) -> None:
        self.kept = {contact.id: contact for contact in kept}
        self.actors: list[Actor] = []
        self.locked: set[UUID] = set()

    def add(self, *records: Contact, by: Actor) -> None:
        self.kept |= {record.id: record for record in records}
        self.actors.append(by)

    def find(self, record_id: UUID, reach: Reach) -> Contact | None:
        found = self.kept.get(record_id)
        there = found is not None and found.owner.subject == reach.subject and found.deleted_at is None
        return found if there else None

    def known(self, ids: Iterable[UUID], reach: Reach, *, keep: bool = False) -> set[UUID]:
        found = {one for one in ids if self.find(one, reach)}
        self.locked |= found if keep else set()
        return found

    def page(self, reach: Reach, listing: Listing, limit: int, after: Cursor | None) -> Page[Contact]:
        raise NotImplementedError

    def history(self, record_id: UUID, reach: Reach, limit: int, before: int | None) -> Page[Change]:
        raise NotImplementedError

    def change(
        self,
        record_id: UUID,
        reach: Reach,
        step: Callable[[Contact], Contact],
        *,
        deleted: bool,
        by: Actor,
        check: Callable[[Contact], None] | None = None,
    ) -> Contact | None:
        found = self.kept.get(record_id)
        if found is None or found.owner.subject != reach.subject or (found.deleted_at and not deleted):
            return None
        if check is not None:
            check(found)
        self.kept[record_id] = step(found)
        self.actors.append(by)
        return self.kept[record_id]


HATTER = new_record(ContactDetails("Mad Hatter"), ALICE, NOON)


def change(reach: Reach = MINE, if_match: Precondition | None = None, now: datetime = LATER) -> ChangeRequest:
    return ChangeRequest(HATTER.id, reach, APP, if_match or Precondition(), now)


def rename(details: ContactDetails) -> ContactDetails:
    return replace(details, name="March Hare")


def test_a_new_record_is_its_makers() -> None:
    assert (HATTER.owner, HATTER.created_at, HATTER.updated_at, HATTER.version) == (ALICE, NOON, NOON, 1)
    assert HATTER.id.version == 7
    assert get_record(HATTER.id, MINE, ContactsInMemory(HATTER)) == HATTER


def test_what_is_beyond_reach_is_not_found() -> None:
    contacts = ContactsInMemory(HATTER)
    with pytest.raises(NotFound):
        get_record(HATTER.id, Reach(subject="bob"), contacts)
    with pytest.raises(NotFound):
        change(Reach(subject="bob")).edit(contacts, rename)
    with pytest.raises(NotFound):
        change(Reach(subject="bob")).delete(contacts)
    with pytest.raises(NotFound):
        change(Reach(subject="bob")).restore(contacts)
    assert contacts.kept == {HATTER.id: HATTER}


def test_an_edit_makes_another_entity_tag_and_moves_nothing_but_what_is_said() -> None:
    edited = change().edit(ContactsInMemory(HATTER), rename)
    assert edited == replace(HATTER, details=ContactDetails("March Hare"), updated_at=LATER, version=2)
    assert edited.entity_tag != HATTER.entity_tag


def test_saying_the_same_again_changes_nothing() -> None:
    assert change().edit(ContactsInMemory(HATTER), lambda details: details) is HATTER


def test_a_change_of_a_record_that_has_changed_is_refused_and_not_made() -> None:
    contacts = ContactsInMemory(HATTER)
    seen = Precondition(sent=True, tags=(HATTER.entity_tag,))
    change(if_match=seen).edit(contacts, rename)
    for attempt in (
        lambda: change(if_match=seen).edit(contacts, lambda details: replace(details, name="Dormouse")),
        lambda: change(if_match=seen).delete(contacts),
        lambda: change(if_match=seen).restore(contacts),
    ):
        with pytest.raises(PreconditionFailed):
            attempt()
    assert contacts.kept[HATTER.id].details.name == "March Hare"


def test_a_version_that_a_backup_brings_back_has_another_tag() -> None:
    first = change(now=LATER).edit(ContactsInMemory(HATTER), rename)
    second = change(now=LATER + timedelta(microseconds=1)).edit(ContactsInMemory(HATTER), rename)
    assert first.version == second.version and first.entity_tag != second.entity_tag


def test_a_deleted_record_is_gone_until_it_is_restored() -> None:
    contacts = ContactsInMemory(HATTER)
    change().delete(contacts)
    for attempt in (lambda: change().edit(contacts, rename), lambda: change().delete(contacts)):
        with pytest.raises(NotFound):
            attempt()
    restored = change().restore(contacts)
    assert (restored.details, restored.deleted_at, restored.version) == (HATTER.details, None, 3)
    assert change().restore(contacts) == restored  # again, as after a lost answer


def test_a_record_that_may_not_be_named_and_one_that_never_was_are_refused_alike() -> None:
    contacts = ContactsInMemory(HATTER)
    require_known(None, MINE, contacts, "body", "contact_id")
    require_known(HATTER.id, MINE, contacts, "body", "contact_id")
    for sought, reach in ((HATTER.id, Reach(subject="bob")), (UUID(int=0), MINE)):
        with pytest.raises(InvalidInput) as refused:
            require_known(sought, reach, contacts, "body", "contact_id")
        assert refused.value.errors == [(("body", "contact_id"), "no such record")]


@pytest.mark.parametrize(
    "other",
    [
        Listing(sort="name"),
        Listing(descending=False),
        Listing(where={"q": "x"}),
        Listing(where={"name": "x"}),
        Listing(deleted=True),
    ],
)
def test_a_cursor_is_good_for_one_order_and_filter(other: Listing) -> None:
    assert other.identity("contacts", MINE) != Listing().identity("contacts", MINE)


def test_a_cursor_is_good_for_one_resource_and_caller() -> None:
    places = {Listing().identity(kind, Reach(subject=who)) for kind in ("contacts", "companies") for who in "ab"}
    assert len(places) == 4
