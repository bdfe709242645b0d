"""Each history from nothing to head, compared with the tables, and back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import insert, inspect, select

from services.orders.storage.tables import order_history, orders
from shared.database import Database
from tests.support.databases import alembic_config

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
_ORDER = {
    "id": UUID(int=1),
    "owner_sub": "alice",
    "customer_id": UUID(int=2),
    "currency": "EUR",
    "status": "draft",
    "created_at": NOON,
    "updated_at": NOON,
}
_CHANGE = {
    "order_id": UUID(int=1),
    "at": NOON,
    "actor_sub": "alice",
    "actor_client_id": "mobile-app",
    "action": "edit",
    "to_status": "draft",
}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.mark.parametrize("service", ["auth", "crm", "orders"])
def test_head_is_what_the_tables_say(service: str, database: Database) -> None:
    config = alembic_config(service, database)
    command.upgrade(config, "head")
    command.check(config)


@pytest.mark.parametrize("service", ["auth", "crm", "orders"])
def test_every_revision_can_be_undone(service: str, database: Database) -> None:
    config = alembic_config(service, database)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}


def test_a_history_of_whole_copies_becomes_one_of_differences(database: Database) -> None:
    config = alembic_config("orders", database)
    command.upgrade(config, "0003_order_history")
    lines = [{"description": name, "quantity": 1, "unit_price_minor": 1} for name in "abc"]
    edited = [lines[0], {**lines[1], "quantity": 2}, lines[2]]
    # the tables as they are now serve: of what they hold, the revisions after change the contents alone
    with database.unit_of_work() as db:
        db.execute(insert(orders).values(_ORDER))
        for version, before, after in ((1, None, lines), (2, lines, edited)):
            changes = {"lines": {"from": before, "to": after}}
            db.execute(insert(order_history).values({**_CHANGE, "version": version, "changes": changes}))
    command.upgrade(config, "head")
    with database.autocommit() as db:
        found = db.scalars(select(order_history.c.changes).order_by(order_history.c.version)).all()
    assert found == [
        {"lines": {"from": None, "to": lines}},
        {"lines": {"from": [{"position": 2, **lines[1]}], "to": [{"position": 2, **edited[1]}]}},
    ]
