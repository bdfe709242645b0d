"""100,000 contacts without a slow page: what each backend says that it will do for the statements of the store.

The statements are those that the store sends; EXPLAIN is asked of each with the parameters that it had.
"""

# ruff: noqa: S608 - every name in these statements is ours

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.crm.records import Listing
from shared.api.pagination import Cursor
from shared.api.reach import Reach
from shared.database import Database
from tests.support.crm_stores import Contacts, Stores
from tests.support.many_rows import IDS, NUMBERS, ROWS, TIMES
from tests.support.statements import sent_statements

OWNERS, TEAMS = 2, 2
START = datetime(2030, 1, 1, tzinfo=UTC)
COLUMNS = (
    "id, owner_sub, owner_team, name, name_key, email, email_key, company_id, search_text, version,"
    " created_at, updated_at"
)
WORDS = {"postgresql": "lpad(n::text, 6, '0')", "sqlite": "printf('%06d', n)"}
OWN, TEAM, ALL = Reach(subject="owner 1"), Reach(subject="owner 1", team="team 1"), Reach(everyone=True)


@pytest.fixture
def contacts(stores: Stores) -> Contacts:
    """A store of many contacts, with the statistics that both backends gather by themselves."""
    backend = stores.database.engine.dialect.name
    at, word = TIMES[backend], WORDS[backend]
    company = f"uuid '{UUID(int=1)}'" if backend == "postgresql" else f"'{UUID(int=1).hex}'"
    firms = (
        "INSERT INTO companies (id, owner_sub, name, name_key, search_text, version, created_at, updated_at)"
        f" SELECT {IDS[backend]}, 'owner 1', 'c', 'c', 'c', 1, {at}, {at} FROM {NUMBERS[backend]} WHERE n = 1"
    )
    people = (
        f"INSERT INTO contacts ({COLUMNS}) SELECT {IDS[backend]}, 'owner ' || (n % {OWNERS}), 'team ' || (n % {TEAMS}),"
        f" 'Contact ' || {word}, 'contact ' || {word}, n || '@x.example', n || '@x.example',"
        f" CASE WHEN n % 100 = 1 THEN {company} END, 'contact ' || {word} || ' x example', 1, {at}, {at}"
        f" FROM {NUMBERS[backend]}"
    )
    with stores.database.autocommit() as db:
        for statement in (firms, people, "ANALYZE"):
            db.execute(text(statement))
    return stores.contacts


def plans(contacts: Contacts, reach: Reach, listing: Listing, after: Cursor | None) -> list[str]:
    """Return the plan of each statement that a page takes."""
    database = contacts._database
    with sent_statements() as statements:
        page = contacts.page(reach, listing, 50, after)
    assert page.items
    return explained(database, statements)


def explained(database: Database, statements: list[tuple[str, Any]]) -> list[str]:
    """Ask what the database will do for each statement, with the parameters that it had."""
    how = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with database.autocommit() as db:
        found = [db.exec_driver_sql(f"{how} {statement}", parameters) for statement, parameters in statements]
        return ["\n".join(str(row[-1]) for row in rows) for rows in found]


def deep(listing: Listing) -> Cursor:
    """Return a place in the middle of the listing."""
    middle = ROWS // 2
    moment = START + timedelta(seconds=middle)
    return Cursor(f"contact {middle:06}" if listing.sort == "name" else moment, UUID(int=middle))


def test_every_page_is_one_range_of_one_index_without_a_sort(contacts: Contacts) -> None:
    for reach in (OWN, TEAM, ALL):
        for sort in ("created_at", "updated_at", "name"):
            for descending in (True, False):
                listing = Listing(sort, descending)
                for after in (None, deep(listing)):
                    column = "name_key" if sort == "name" else sort
                    for plan in plans(contacts, reach, listing, after):
                        assert f"{column}_id" in plan, plan  # the index of this order
                        for slow in ("Seq Scan", "Sort", "Bitmap", "SCAN contacts\n", "TEMP B-TREE"):
                            assert slow not in f"{plan}\n", plan


FILTERS = [
    (OWN, Listing(where={"email": "5@x.example"}), "email_key"),
    (ALL, Listing(where={"email": "5@x.example"}), "email_key"),
    (OWN, Listing("name", descending=False, where={"name": "contact 0199"}), "name_key"),
    (ALL, Listing("name", descending=False, where={"name": "contact 0199"}), "name_key"),
    (OWN, Listing(where={"company_id": UUID(int=1)}), "company_id"),
    (OWN, Listing("updated_at", where={"updated_since": START + timedelta(seconds=ROWS - 100)}), "updated_at"),
    (OWN, Listing(where={"q": "001997"}), "search_contacts"),
    (ALL, Listing(where={"q": "001997 exam"}), "search_contacts"),
    (TEAM, Listing(where={"q": "00199"}), "search_contacts"),
]


def test_filters_search_and_single_records_read_an_index(contacts: Contacts) -> None:
    for reach, listing, index in FILTERS:
        for plan in plans(contacts, reach, listing, None):
            assert index in plan, plan
            assert "Seq Scan" not in plan and "SCAN contacts\n" not in f"{plan}\n", plan
    with sent_statements() as statements:
        assert contacts.find(UUID(int=1), OWN)
    (plan,) = explained(contacts._database, statements)
    assert "pk_contacts" in plan or "sqlite_autoindex_contacts" in plan, plan
