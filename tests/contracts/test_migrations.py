"""Each history from nothing to head, compared with the tables, and back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import Uuid, column, insert, inspect, select, table

from services.auth.storage.tables import users
from services.orders.storage.tables import order_history, orders
from shared.database import Database, Json
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


def test_addresses_move_out_of_the_claims_and_one_of_two_stays_verified(database: Database) -> None:
    config = alembic_config("auth", database)
    command.upgrade(config, "20261129_retention")
    claims: list[dict[str, Any]] = [
        {"name": "A", "email": "Ann@x.example", "email_verified": True},
        {"email": "ann@X.example", "email_verified": True},
        {"name": "C"},
    ]
    old = table("users", *(column(name) for name in ("username", "created_at", "updated_at")), column("id", Uuid),
                column("claims", Json), column("roles", Json))  # fmt: skip
    with database.unit_of_work() as db:
        for number, each in enumerate(claims, 1):
            text = NOON.isoformat(" ")
            values = {"id": UUID(int=number), "username": str(number), "claims": each, "roles": []}
            db.execute(insert(old).values(**values, created_at=text, updated_at=text))
    command.upgrade(config, "head")
    with database.autocommit() as db:
        found = db.execute(select(users).order_by(users.c.username)).mappings().all()
    assert [row["claims"] for row in found] == [{"name": "A"}, {}, {"name": "C"}]
    assert [row["email"] for row in found] == ["Ann@x.example", "ann@X.example", None]
    assert [row["email_verified_at"] is not None for row in found] == [True, False, False]
    assert [row["activated_at"] for row in found] == [NOON] * 3
    command.downgrade(config, "20261129_retention")
    with database.autocommit() as db:
        back = db.execute(select(old.c.claims).order_by(old.c.username)).scalars().all()
    assert back == [claims[0], {**claims[1], "email_verified": False}, claims[2]]
