"""A million contacts and a million orders on PostgreSQL: a page costs the same wherever it is. SOAK=1 runs it."""

# ruff: noqa: S608 - every name in these statements is ours

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.crm.records import Listing as Contacts
from services.crm.storage.contacts import SqlContacts
from services.orders.storage.orders import SqlOrders
from shared.api.listing import Listing as Orders
from shared.api.pagination import Cursor
from shared.api.reach import Reach
from shared.database import Database
from tests.support.databases import migrated
from tests.support.statements import sent_statements

ROWS, PAGE, DEEP = 1_000_000, 50, 10_000
START = datetime(2030, 1, 1, tzinfo=UTC)
OWN = Reach(subject="alice")
AT = "timestamptz '2030-01-01 00:00:00Z' + n * interval '1 second'"
ID = "lpad(to_hex(n), 32, '0')::uuid"
FILL = {
    "crm": "INSERT INTO contacts (id, owner_sub, name, name_key, search_text, version, created_at, updated_at)"
    f" SELECT {ID}, 'alice', 'c' || n, 'c' || n, 'c' || n, 1, {AT}, {AT} FROM generate_series(1, {ROWS}) AS s(n)",
    "orders": "INSERT INTO orders (id, owner_sub, customer_id, currency, status, version, created_at, updated_at)"
    f" SELECT {ID}, 'alice', {ID}, 'EUR', 'draft', 1, {AT}, {AT} FROM generate_series(1, {ROWS}) AS s(n)",
}


def rows_touched(plan: dict[str, Any]) -> int:
    """Return the rows that the plan's nodes read, those that a filter removed among them."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return int(own) + sum(rows_touched(part) for part in plan.get("Plans", []))


def page_cost(database: Database, service: str, after: Cursor | None) -> int:
    """Return how many rows one page touches, by EXPLAIN ANALYZE of the statement that the store sends."""
    with sent_statements() as statements:
        if service == "crm":
            assert len(SqlContacts(database).page(OWN, Contacts(), PAGE, after).items) == PAGE
        else:
            assert len(SqlOrders(database).page(OWN, Orders(), PAGE, after).items) == PAGE
    of_the_page = re.compile(rf"SELECT.* FROM {'contacts' if service == 'crm' else 'orders'}\b", re.DOTALL)
    found = [(statement, parameters) for statement, parameters in statements if of_the_page.match(statement)]
    ((statement, parameters),) = found
    with database.autocommit() as db:
        told = db.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar()
    plans = json.loads(told) if isinstance(told, str) else told
    assert plans is not None
    return rows_touched(plans[0]["Plan"])


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("service", ["crm", "orders"])
def test_the_first_page_and_one_ten_thousand_pages_further_touch_the_same_rows(
    service: str, postgres_database_url: str
) -> None:
    database = migrated(service, postgres_database_url)
    with database.autocommit() as db:
        db.execute(text(FILL[service]))
        db.execute(text("VACUUM ANALYZE"))
    far = ROWS - PAGE * DEEP
    deep = Cursor(START + timedelta(seconds=far), UUID(int=far))
    costs = [page_cost(database, service, after) for after in (None, deep)]
    database.dispose()
    assert costs[0] == costs[1] <= 2 * (PAGE + 1), costs
