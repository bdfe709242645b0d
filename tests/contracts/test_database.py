"""`shared.database` keeps the same promises on both backends."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, Table, insert, select, text

from shared.database import Connection, Database, UtcDateTime, new_metadata
from shared.errors import ConfigurationError, Unavailable

metadata = new_metadata()
moments = Table("moments", metadata, Column("id", Integer, primary_key=True), Column("at", UtcDateTime))
NOON = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    metadata.create_all(opened.engine)
    yield opened
    opened.dispose()


def insert_and_fail(db: Connection) -> None:
    db.execute(insert(moments).values(at=NOON))
    raise RuntimeError("refused")


def rows(database: Database) -> list[datetime]:
    with database.unit_of_work() as db:
        return list(db.scalars(select(moments.c.at).order_by(moments.c.id)))


def test_a_unit_of_work_commits_at_its_end(database: Database) -> None:
    with database.unit_of_work() as db:
        db.execute(insert(moments).values(at=NOON))
    assert rows(database) == [NOON]


def test_an_error_rolls_the_unit_of_work_back(database: Database) -> None:
    with pytest.raises(RuntimeError, match="refused"), database.unit_of_work() as db:
        insert_and_fail(db)
    assert rows(database) == []


def test_an_autocommit_statement_outlives_a_later_error(database: Database) -> None:
    with pytest.raises(RuntimeError, match="refused"), database.autocommit() as db:
        insert_and_fail(db)
    assert rows(database) == [NOON]


def test_a_moment_comes_back_aware_and_in_utc(database: Database) -> None:
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    with database.unit_of_work() as db:
        db.execute(insert(moments).values(at=in_tokyo))
    assert rows(database) == [NOON]
    assert rows(database)[0].tzinfo is UTC


def test_a_moment_without_zone_is_refused(database: Database) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(Exception, match="a moment needs its time zone"), database.unit_of_work() as db:
        db.execute(insert(moments).values(at=naive))


def test_ping_answers(database: Database) -> None:
    database.ping()


def test_foreign_keys_hold_on_sqlite_too(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        with database.autocommit() as db:
            assert db.scalar(text("PRAGMA foreign_keys")) == 1
            assert db.scalar(text("PRAGMA journal_mode")) == "wal"


def test_a_database_that_went_away_is_unavailable(postgres_database_url: str) -> None:
    database = Database(f"{postgres_database_url}_gone")
    with pytest.raises(Unavailable, match="the database is away"):
        database.ping()
    database.dispose()


def test_a_bad_url_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        Database("nonsense")


def test_nobody_else_may_read_the_file_of_an_embedded_database(tmp_path: Path) -> None:
    """Hashes, sealed secrets and what people have done: -wal and -shm too, and a file of an earlier version."""
    opened = Database(f"sqlite:///{tmp_path}/new.sqlite3")
    metadata.create_all(opened.engine)
    found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    opened.dispose()
    assert found == {f"new.sqlite3{beside}": 0o600 for beside in ("", "-wal", "-shm")}
    (tmp_path / "new.sqlite3").chmod(0o644)
    Database(f"sqlite:///{tmp_path}/new.sqlite3").dispose()
    assert stat.S_IMODE((tmp_path / "new.sqlite3").stat().st_mode) == 0o600


def test_opening_a_database_again_does_not_take_the_lock_of_who_writes(tmp_path: Path) -> None:
    """POSIX drops a process's locks on a file when it closes any descriptor of it."""
    url = f"sqlite:///{tmp_path}/locked.sqlite3"
    writer = Database(url)
    metadata.create_all(writer.engine)
    probe = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0.2, isolation_level=None)\n"
        "try: c.execute('BEGIN IMMEDIATE')\n"
        "except sqlite3.OperationalError as error: print(error)\n"
    )
    with writer.unit_of_work() as db:
        db.execute(insert(moments).values(at=NOON))
        Database(url).dispose()
        command = [sys.executable, "-c", probe, f"{tmp_path}/locked.sqlite3"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    writer.dispose()
    assert said.strip() == "database is locked"
