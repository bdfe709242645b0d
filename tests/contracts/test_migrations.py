"""Each history from nothing to head, compared with the tables, and back."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import inspect

from shared.database import Database
from tests.support.databases import alembic_config


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
