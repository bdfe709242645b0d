"""What the store of idempotency keys promises, on SQLite and on PostgreSQL."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Column, Integer, Table, func, insert, select

from shared.api.idempotency import LIFETIME, Answer, Idempotency, Sent, SqlIdempotencyKeys, Stored, idempotency_table
from shared.api.idempotency.store import PURGED_AT_ONCE
from shared.database import Database, new_metadata
from shared.errors import Conflict, Unavailable
from shared.testing import SettableClock

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)

metadata = new_metadata()
table = idempotency_table(metadata)
deeds = Table("deeds", metadata, Column("id", Integer, primary_key=True))


def sent(number: int = 0, asked: int = 0) -> Sent:
    return Sent(number.to_bytes(32), asked.to_bytes(32))


def stored(asked: int = 0, body: str = '{"é": 1}') -> Stored:
    return Stored(asked.to_bytes(32), 201, {"Location": "/api/orders/1", "ETag": '"1"'}, body)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    metadata.create_all(opened.engine)
    yield opened
    opened.dispose()


@pytest.fixture
def keys(database: Database) -> SqlIdempotencyKeys:
    return SqlIdempotencyKeys(database, table)


def count(database: Database, of: Table) -> int:
    with database.autocommit() as db:
        return db.scalars(select(func.count()).select_from(of)).one()


def test_an_answer_is_kept_with_its_work(keys: SqlIdempotencyKeys) -> None:
    assert keys.find(sent(), NOON) is None
    with keys.unit_of_work():
        assert keys.claim(sent(), NOON)
        keys.keep(sent(), stored())
    assert keys.find(sent(), NOON) == stored()
    assert keys.find(sent(1), NOON) is None


def test_a_claim_that_is_rolled_back_was_none(database: Database, keys: SqlIdempotencyKeys) -> None:
    def fail() -> None:
        with keys.unit_of_work() as db:
            assert keys.claim(sent(), NOON)
            db.execute(insert(deeds))
            raise RuntimeError("the work failed")

    with pytest.raises(RuntimeError):
        fail()
    assert keys.find(sent(), NOON) is None
    assert count(database, deeds) == 0
    with keys.unit_of_work():
        assert keys.claim(sent(), NOON)


def test_a_key_is_free_again_after_a_day(keys: SqlIdempotencyKeys) -> None:
    with keys.unit_of_work():
        keys.claim(sent(), NOON)
        keys.keep(sent(), stored())
    last = NOON + LIFETIME - TICK
    with keys.unit_of_work():
        assert not keys.claim(sent(asked=1), last)
    assert keys.find(sent(), last) == stored()
    assert keys.find(sent(), last + TICK) is None
    with keys.unit_of_work():
        assert keys.claim(sent(asked=1), last + TICK)
        keys.keep(sent(), stored(1, "{}"))
    assert keys.find(sent(), last + TICK) == stored(1, "{}")


def test_each_new_key_takes_expired_ones_with_it(database: Database, keys: SqlIdempotencyKeys) -> None:
    for number in range(25):
        with keys.unit_of_work():
            keys.claim(sent(number), NOON)
    later = NOON + LIFETIME
    for number, left in ((100, 25 - PURGED_AT_ONCE), (101, 25 - 2 * PURGED_AT_ONCE), (102, 0)):
        with keys.unit_of_work():
            keys.claim(sent(number), later)
        assert count(database, table) == left + number - 99
    assert keys.purge(later) == 0


def test_a_purge_leaves_what_another_transaction_holds(
    postgres_database_url: str,
) -> None:
    one, other = Database(postgres_database_url), Database(postgres_database_url)
    metadata.create_all(one.engine)
    mine, theirs = SqlIdempotencyKeys(one, table), SqlIdempotencyKeys(other, table)
    for number in range(2):
        with mine.unit_of_work():
            mine.claim(sent(number), NOON)
    later = NOON + LIFETIME
    with ThreadPoolExecutor(1) as aside, mine.unit_of_work():
        assert mine.claim(sent(0), later)  # expired, and claimed anew
        assert aside.submit(theirs.purge, later).result() == 0  # number 1 went with the claim, in our transaction
    one.dispose()
    other.dispose()


@pytest.mark.parametrize("processes", [1, 2])
def test_of_twenty_at_once_one_does_the_work(database_url: str, processes: int) -> None:
    databases = [Database(database_url, pool_size=20) for _ in range(processes)]
    metadata.create_all(databases[0].engine)
    together = threading.Barrier(20)

    def attempt(number: int) -> bool:
        keys = SqlIdempotencyKeys(databases[number % processes], table)
        together.wait()
        with keys.unit_of_work() as db:
            if not keys.claim(sent(), NOON):
                assert keys.find(sent(), NOON) == stored()  # never an answer that is not there yet
                return False
            db.execute(insert(deeds))
            keys.keep(sent(), stored())
            return True

    with ThreadPoolExecutor(20) as threads:
        done = list(threads.map(attempt, range(20)))
    assert done.count(True) == 1
    assert count(databases[0], deeds) == 1
    for database in databases:
        database.dispose()


def test_who_waits_gets_the_key_when_the_first_one_fails(database_url: str) -> None:
    one, other = Database(database_url), Database(database_url)
    metadata.create_all(one.engine)
    claimed = threading.Event()

    def fails() -> None:
        keys = SqlIdempotencyKeys(one, table)
        with keys.unit_of_work() as db:
            keys.claim(sent(), NOON)
            db.execute(insert(deeds))
            claimed.set()
            raise RuntimeError("the work failed")

    def follows() -> bool:
        keys = SqlIdempotencyKeys(other, table)
        claimed.wait()
        with keys.unit_of_work() as db:
            won = keys.claim(sent(), NOON)
            db.execute(insert(deeds))
            keys.keep(sent(), stored())
            return won

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.submit(fails), threads.submit(follows)
        with pytest.raises(RuntimeError):
            first.result()
        assert second.result()
    assert count(other, deeds) == 1
    one.dispose()
    other.dispose()


def test_what_a_store_does_in_a_unit_of_work_joins_it(database: Database) -> None:
    def add_by_itself() -> None:
        with database.unit_of_work() as db:
            db.execute(insert(deeds))
        with database.autocommit() as db:
            db.execute(insert(deeds))

    def add_and_fail() -> None:
        with database.unit_of_work():
            add_by_itself()
            assert count(database, deeds) == 2
            raise RuntimeError("the work failed")

    with pytest.raises(RuntimeError):
        add_and_fail()
    assert count(database, deeds) == 0
    add_by_itself()
    assert count(database, deeds) == 2


def test_a_conflict_is_stored_without_what_was_written_before_it(database: Database, keys: SqlIdempotencyKeys) -> None:
    idempotency = Idempotency(keys, SettableClock(NOON))

    def work() -> Answer:
        with database.unit_of_work() as db:
            db.execute(insert(deeds))
        raise Conflict("The order is placed.", legal_moves=["pay"])

    def never() -> Answer:
        raise AssertionError("the work is done once")

    answers = [idempotency._once(sent(), each, None, "/api/orders/1/place") for each in (work, never)]
    assert (answers[0].status, answers[0].body) == (answers[1].status, answers[1].body)
    assert answers[1].headers == {**answers[0].headers, "Idempotent-Replayed": "true"}
    assert answers[0].status == 409
    assert json.loads(answers[0].body)["legal_moves"] == ["pay"]
    assert count(database, deeds) == 0


def test_any_other_error_stores_nothing(database: Database, keys: SqlIdempotencyKeys) -> None:
    idempotency = Idempotency(keys, SettableClock(NOON))

    def fails() -> Answer:
        with database.unit_of_work() as db:
            db.execute(insert(deeds))
        raise Unavailable("the database is busy")

    with pytest.raises(Unavailable):
        idempotency._once(sent(), fails, None, "/api/orders")
    assert keys.find(sent(), NOON) is None
    assert count(database, deeds) == 0
    assert idempotency._once(sent(), lambda: Answer(201, "{}"), None, "/api/orders") == Answer(201, "{}")
