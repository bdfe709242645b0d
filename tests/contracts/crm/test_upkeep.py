"""Purging, erasing and handing over, on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from services.crm.activities import ActivityDetails, ActivityKind
from services.crm.companies import CompanyDetails
from services.crm.contacts import ContactDetails
from services.crm.records import Record
from services.crm.storage.upkeep import CrmUpkeep, teams_of
from shared.api.history import OPERATOR
from shared.api.reach import Owner, Reach
from tests.support.crm_stores import Stores

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=100)
ALICE = Owner("alice", "sales")
EVERYONE = Reach(everyone=True)


def filled(stores: Stores, deleted_at: datetime | None = None) -> tuple[UUID, UUID, UUID]:
    """Keep a company, a contact of it and an activity on that; return their ids."""
    company = Record(uuid7(), ALICE, CompanyDetails("Tea & Sons"), NOON, NOON, deleted_at=deleted_at)
    contact = Record(uuid7(), ALICE, ContactDetails("Hatter", company_id=company.id), NOON, NOON, deleted_at=deleted_at)
    details = ActivityDetails(ActivityKind.NOTE, "Tea", NOON, contact_id=contact.id)
    activity = Record(uuid7(), ALICE, details, NOON, NOON)
    stores.companies.add(company, by=OPERATOR)
    stores.contacts.add(contact, by=OPERATOR)
    stores.activities.add(activity, by=OPERATOR)
    return company.id, contact.id, activity.id


def test_purge_takes_what_was_deleted_before_and_leaves_the_rest(stores: Stores) -> None:
    filled(stores, deleted_at=NOON)
    left = filled(stores)
    upkeep = CrmUpkeep(stores.database)
    done = upkeep.purge(LATER, timedelta(days=90))
    assert done == {"companies": 1, "contacts": 1, "activities": 0, "idempotency keys": 0}
    assert stores.companies.find(left[0], EVERYONE) is not None
    assert stores.contacts.find(left[1], EVERYONE) is not None
    assert stores.activities.find(left[2], EVERYONE) is not None
    assert not any(upkeep.purge(LATER, timedelta(days=90)).values())


def test_erasing_a_contact_takes_its_activities_and_leaves_its_company(stores: Stores) -> None:
    company, contact, activity = filled(stores)
    assert CrmUpkeep(stores.database).erase_contact(contact) == {"contacts": 1, "activities": 1, "stored answers": 0}
    assert stores.contacts.find(contact, EVERYONE) is None
    assert stores.activities.find(activity, EVERYONE) is None
    assert stores.companies.find(company, EVERYONE) is not None
    assert stores.contacts.history(contact, EVERYONE, 10, None).items == []


def test_handing_over_many_records_writes_each_history(stores: Stores) -> None:
    records = [Record(uuid7(), ALICE, ContactDetails("Card"), NOON, NOON) for _ in range(1100)]
    stores.contacts.add(*records, by=OPERATOR)
    teams_of(stores.database).follow("bob", "support", NOON)
    done = CrmUpkeep(stores.database).reassign("alice", "bob", OPERATOR, LATER)
    assert done == {"companies": 0, "contacts": 1100, "activities": 0}
    handed = stores.contacts.find(records[-1].id, Reach(subject="bob"))
    assert handed is not None
    assert (handed.owner, handed.version, handed.updated_at) == (Owner("bob", "support"), 2, LATER)
    (last, _) = stores.contacts.history(handed.id, EVERYONE, 10, None).items
    assert last.changes == {
        "owner_sub": {"from": "alice", "to": "bob"},
        "owner_team": {"from": "sales", "to": "support"},
    }


def test_the_newest_word_on_a_team_wins_whatever_the_order(stores: Stores) -> None:
    _, contact, _ = filled(stores)
    teams = teams_of(stores.database)
    assert teams.follow("alice", "support", LATER) == "support"
    assert teams.follow("alice", "sales", NOON) == "support"
    assert teams.follow("alice", None, LATER + timedelta(days=1)) == "support"
    assert stores.contacts.find(contact, Reach(team="support")) is not None
    assert stores.contacts.find(contact, Reach(team="sales")) is None
    assert teams.follow("bob", None, NOON) is None
