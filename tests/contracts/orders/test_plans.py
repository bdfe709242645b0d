"""100,000 orders without a slow page: what each backend says that it will do for the statements of the store."""

# ruff: noqa: S608 - every name in these statements is ours

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from services.orders.storage.orders import SqlOrders
from shared.api.listing import Listing
from shared.api.pagination import Cursor
from shared.api.reach import Reach
from shared.database import Database
from tests.support.many_rows import IDS, NUMBERS, ROWS, TIMES
from tests.support.statements import sent_statements

START = datetime(2030, 1, 1, tzinfo=UTC)
OWN, TEAM, ALL = Reach(subject="owner 1"), Reach(subject="owner 1", team="team 1"), Reach(everyone=True)


@pytest.fixture
def database(migrated_database: Callable[[str], Database]) -> Database:
    """Many orders of two owners, with the statistics that both backends gather by themselves."""
    made = migrated_database("orders")
    backend = made.engine.dialect.name
    many = (
        "INSERT INTO orders (id, owner_sub, owner_team, customer_id, currency, status, created_at, updated_at)"
        f" SELECT {IDS[backend]}, 'owner ' || (n % 2), 'team ' || (n % 2), {IDS[backend]}, 'EUR', 'draft',"
        f" {TIMES[backend]}, {TIMES[backend]} FROM {NUMBERS[backend]}"
    )
    with made.autocommit() as db:
        db.execute(text(many))
        db.execute(text("ANALYZE"))
    return made


def plans(database: Database, reach: Reach, listing: Listing, after: Cursor | None) -> list[str]:
    """Return the plan of each statement on orders that a page takes."""
    with sent_statements() as statements:
        page = SqlOrders(database).page(reach, listing, 50, after)
    sent = [(statement, given) for statement, given in statements if statement.startswith("SELECT orders")]
    assert len(page.items) == 50
    explain = "EXPLAIN " if database.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    with database.autocommit() as db:
        return ["\n".join(str(row) for row in db.exec_driver_sql(explain + one, given)) for one, given in sent]


@pytest.mark.parametrize("sort", ["created_at", "updated_at"])
@pytest.mark.parametrize("reach", [OWN, TEAM, ALL], ids=["own", "team", "all"])
def test_every_page_is_a_range_of_an_index(database: Database, sort: str, reach: Reach) -> None:
    middle = Cursor(START + timedelta(seconds=ROWS // 2), UUID(int=ROWS // 2))
    for descending in (True, False):
        for after in (None, middle):
            found = plans(database, reach, Listing(sort, descending), after)
            assert len(found) == (2 if reach is TEAM else 1)
            for plan in found:
                assert f"{sort}_id" in plan, plan
                assert "Seq Scan" not in plan and "SCAN orders\n" not in plan, plan
                assert "Sort" not in plan and "TEMP B-TREE" not in plan, plan
