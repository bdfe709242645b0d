"""Connections that died in a pool are noticed before they are used, or cost one answer."""

import pytest
from sqlalchemy import text

import shared.database
from shared.database import Database
from shared.errors import Unavailable

_PID = text("SELECT pg_backend_pid()")


def _kill_all(database: Database) -> None:
    killer = Database(database.url)
    with killer.autocommit() as db:
        db.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    killer.dispose()


@pytest.fixture
def database(postgres_database_url: str) -> Database:
    return Database(postgres_database_url)


def test_a_connection_that_lay_idle_is_asked_before_it_is_used(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.database, "_TRUST_SECONDS", 0.0)
    for opened in (database.autocommit, database.unit_of_work):
        with opened() as db:
            db.execute(_PID)
    _kill_all(database)
    for opened in (database.autocommit, database.unit_of_work):
        with opened() as db:
            assert db.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()


def test_a_dead_connection_in_use_is_an_outage_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.database, "_TRUST_SECONDS", 3600.0)
    for opened in (database.autocommit, database.unit_of_work):
        with opened() as db:
            db.execute(_PID)
        _kill_all(database)
        with pytest.raises(Unavailable), opened() as db:
            db.execute(_PID)
        with opened() as db:
            assert db.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()
