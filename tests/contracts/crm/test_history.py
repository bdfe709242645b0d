from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from services.crm.companies import Company, CompanyDetails
from services.crm.contacts import Contact, ContactDetails
from services.crm.records import Change
from services.crm.storage import contacts as contacts_in_sql
from services.crm.storage.tables import record_history
from shared.api.history import Actor
from shared.api.reach import Owner, Reach
from tests.support.crm_stores import SOMEBODY, Contacts, Stores

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
ALICE, MINE = Owner("alice", "sales"), Reach(subject="alice")
CAROL = Actor("carol", "partner-web", "client:orders-api")


def contact(company_id: UUID | None = None, owner: Owner = ALICE) -> Contact:
    return Contact(uuid7(), owner, ContactDetails("Mad Hatter", company_id=company_id), NOON, NOON)


def test_a_change_is_kept_with_the_record_and_comes_back(contacts: Contacts) -> None:
    kept = contact()
    contacts.add(kept)
    contacts.change(
        kept.id,
        MINE,
        lambda one: replace(one, details=replace(one.details, phone="1"), version=2, updated_at=LATER),
        deleted=False,
        by=CAROL,
    )
    changes = contacts.history(kept.id, MINE, 10, None).items
    assert changes == [
        Change(2, LATER, CAROL, "edit", {"phone": {"from": None, "to": "1"}}),
        Change(1, NOON, SOMEBODY, "create", {}),
    ]
    for beyond in (Reach(), Reach(subject="bob"), Reach(team="support")):
        assert contacts.history(kept.id, beyond, 10, None).items == []
    assert contacts.history(kept.id, Reach(team="sales"), 10, None).items == changes


def test_a_change_that_fails_leaves_no_line(contacts: Contacts) -> None:
    kept = contact()
    contacts.add(kept)

    def refuse(_: Contact) -> Contact:
        raise ValueError("no")

    with pytest.raises(ValueError):
        contacts.change(kept.id, MINE, refuse, deleted=False)
    with pytest.raises(ValueError):
        contacts.change(kept.id, MINE, lambda one: one, deleted=False, check=refuse)
    assert len(contacts.history(kept.id, MINE, 10, None).items) == 1


def test_the_same_id_in_two_kinds_has_two_histories(stores: Stores) -> None:
    person = contact()
    stores.contacts.add(person)
    stores.companies.add(Company(person.id, ALICE, CompanyDetails("Tea"), NOON, NOON), by=CAROL)
    assert [one.actor for one in stores.contacts.history(person.id, MINE, 10, None).items] == [SOMEBODY]


def test_an_owner_that_changes_is_told(contacts: Contacts) -> None:
    kept = contact()
    contacts.add(kept)
    contacts.save([(kept, replace(kept, owner=Owner("bob", "sales"), version=2, updated_at=LATER))], CAROL)
    (last, _) = contacts.history(kept.id, Reach(subject="bob"), 10, None).items
    assert (last.action, last.changes) == ("reassign", {"owner_sub": {"from": "alice", "to": "bob"}})


def test_unlinking_takes_every_live_contact_of_that_company(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts_in_sql, "BATCH", 2)
    firm, other = (Company(uuid7(), ALICE, CompanyDetails(name), NOON, NOON) for name in ("Tea", "Hats"))
    stores.companies.add(firm, other)
    linked = [contact(firm.id, owner) for owner in (ALICE, Owner("bob", None), ALICE)]
    kept = contact(other.id)
    stores.contacts.add(*linked, kept)
    stores.contacts.unlink(firm.id, CAROL, LATER)
    everyone = Reach(everyone=True)
    for one in linked:
        found = stores.contacts.find(one.id, everyone)
        assert found == replace(one, details=replace(one.details, company_id=None), version=2, updated_at=LATER)
        assert stores.contacts.history(one.id, everyone, 1, None).items[0].action == "unlink"
    assert stores.contacts.find(kept.id, everyone) == kept
    with stores.database.autocommit() as db:
        assert db.scalar(select(func.count()).select_from(record_history)) == 2 + 4 + 3
