"""What the stores of companies and activities promise beyond what all stores of records do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from services.crm.activities import Activity, ActivityDetails, ActivityKind
from services.crm.companies import Company, CompanyDetails
from services.crm.contacts import Contact, ContactDetails
from services.crm.records import Listing
from shared.api.reach import Owner, Reach
from tests.support.crm_stores import Stores

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ALICE, MINE = Owner("alice", "sales"), Reach(subject="alice")


def company(name: str = "Tea & Sons") -> Company:
    return Company(uuid7(), ALICE, CompanyDetails(name, "tea.example"), NOON, NOON)


def activity(subject: str, at: datetime = NOON, **parents: Any) -> Activity:
    details = ActivityDetails(ActivityKind.CALL, subject, at, body="Why is a raven?")
    return Activity(uuid7(), ALICE, replace(details, **parents), NOON, NOON)


def test_an_activity_comes_back_as_it_went_and_is_found_by_its_words(stores: Stores) -> None:
    firm = company()
    stores.companies.add(firm)
    kept = activity("Riddle", company_id=firm.id)
    stores.activities.add(kept)
    assert stores.activities.find(kept.id, MINE) == kept
    for question in ("riddle", "raven"):
        assert stores.activities.page(MINE, Listing(where={"q": question}), 10, None).items == [kept]


def test_activities_are_listed_by_what_they_are_on_and_when_they_were(stores: Stores) -> None:
    firm, person = company(), Contact(uuid7(), ALICE, ContactDetails("Mad Hatter"), NOON, NOON)
    stores.companies.add(firm)
    stores.contacts.add(person)
    early, late = (activity(str(day), NOON + timedelta(days=day), contact_id=person.id) for day in (-1, 1))
    other = activity("other", company_id=firm.id)
    stores.activities.add(late, early, other)
    of_person = Listing("occurred_at", descending=False, where={"contact_id": person.id, "kind": ActivityKind.CALL})
    assert stores.activities.page(MINE, of_person, 10, None).items == [early, late]
    assert stores.activities.page(MINE, Listing(where={"kind": ActivityKind.NOTE}), 10, None).items == []
    assert stores.activities.page(MINE, Listing(where={"company_id": firm.id}), 10, None).items == [other]


def test_an_activity_on_both_or_on_nothing_is_none(stores: Stores) -> None:
    firm, person = company(), Contact(uuid7(), ALICE, ContactDetails("Mad Hatter"), NOON, NOON)
    stores.companies.add(firm)
    stores.contacts.add(person)
    impossible: list[dict[str, Any]] = [{}, {"contact_id": person.id, "company_id": firm.id}, {"contact_id": uuid7()}]
    for parents in impossible:
        with pytest.raises(IntegrityError):
            stores.activities.add(activity("x", **parents))


def test_contacts_are_listed_by_company(stores: Stores) -> None:
    firm, other = company(), company("Hare & Co")
    stores.companies.add(firm, other)
    person = Contact(uuid7(), ALICE, ContactDetails("Mad Hatter", company_id=firm.id), NOON, NOON)
    stores.contacts.add(person)
    assert stores.contacts.page(MINE, Listing(where={"company_id": firm.id}), 10, None).items == [person]
    assert stores.contacts.page(MINE, Listing(where={"company_id": other.id}), 10, None).items == []
    by_name = stores.companies.page(MINE, Listing(where={"name": "hare"}), 10, None)
    assert by_name.items == [other]
