"""A compiled statement does what SQLAlchemy would do with it, on both backends."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table, Uuid, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared.compiled_statement import CompiledStatement
from shared.database import Database, Json, UtcDateTime, new_metadata
from shared.errors import Unavailable

metadata = new_metadata()
things = Table(
    "things",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", UtcDateTime),
    Column("members", Json, nullable=False),
    Column("digest", LargeBinary),
    Column("name", String(50)),
    Column("count", Integer, nullable=False),
    Column("on", Boolean, nullable=False),
)
ADD = CompiledStatement(lambda _: insert(things).values({column.name: bindparam(column.name) for column in things.c}))
FIND = CompiledStatement(lambda _: select(things).where(things.c.id == bindparam("wanted")))
COUNT_UP = CompiledStatement(
    lambda _: (
        update(things)
        .where(things.c.id == bindparam("wanted"), things.c.name == "tea")
        .values(count=things.c.count + 1)
        .returning(things.c.count)
    )
)
ROW = {
    "id": uuid4(),
    "at": datetime(2030, 1, 1, 12, 30, 0, 5, tzinfo=UTC),
    "members": {"a": [1, None, "\u00fc"], "b": True},
    "digest": b"\x00\xff",
    "name": "tea",
    "count": 3,
    "on": True,
}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.dispose()


def test_values_come_back_as_they_went_and_as_sqlalchemy_reads_them(database: Database) -> None:
    empty = {**ROW, "id": uuid4(), "at": None, "digest": None, "name": None}
    with database.unit_of_work() as connection:
        assert [ADD.count(connection, row) for row in (ROW, empty)] == [1, 1]
        for row in (ROW, empty):
            found = FIND.first(connection, {"wanted": row["id"]})
            assert found == tuple(row.values())
            assert found == tuple(connection.execute(select(things).where(things.c.id == row["id"])).one())
        assert (
            FIND.first(connection, {"wanted": UUID(int=1)}) is None
            and FIND.rows(connection, {"wanted": UUID(int=1)}) == []
        )


def test_it_takes_part_in_the_unit_of_work(database: Database) -> None:
    def add_and_fail() -> None:
        with database.unit_of_work() as connection:
            ADD.count(connection, ROW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()
    with database.autocommit() as connection:
        assert FIND.first(connection, {"wanted": ROW["id"]}) is None
        ADD.count(connection, ROW)
    with database.autocommit() as connection:
        assert COUNT_UP.rows(connection, {"wanted": ROW["id"]}) == [(4,)]


def test_an_error_is_sqlalchemys_and_tells_no_value(database: Database) -> None:
    with database.autocommit() as connection:
        ADD.count(connection, ROW)
        with pytest.raises(IntegrityError) as refused:
            ADD.count(connection, {**ROW, "name": "a secret"})
    assert "a secret" not in str(refused.value)


def test_a_lost_connection_is_an_outage_and_the_next_one_works(postgres_database_url: str) -> None:
    database, other = Database(postgres_database_url, pool_size=1), Database(postgres_database_url)
    metadata.create_all(database.engine)

    def find_on_a_connection_that_is_cut() -> None:
        with database.autocommit() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with other.autocommit() as administrator:
                administrator.exec_driver_sql(f"SELECT pg_terminate_backend({int(pid)})")
            FIND.first(connection, {"wanted": ROW["id"]})

    with pytest.raises(Unavailable):
        find_on_a_connection_that_is_cut()
    with database.autocommit() as connection:
        assert FIND.first(connection, {"wanted": ROW["id"]}) is None
    database.dispose()
    other.dispose()
