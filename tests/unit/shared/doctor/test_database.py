"""The database as doctor sees it, on SQLite; on PostgreSQL in tests/integration."""

from pathlib import Path

import pytest
from sqlalchemy import text

from shared.database import Database
from shared.doctor import Finding, database_checks
from shared.doctor.report import Verdict, examine
from shared.settings import ServiceSettings
from tests.support.databases import migrated


def findings(url: str) -> dict[str, Finding]:
    return dict(examine(database_checks("crm", ServiceSettings(environment="local", database_url=url))))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'crm.sqlite3'}"


def test_at_head(url: str) -> None:
    migrated("crm", url).dispose()
    found = findings(url)
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
    assert found["migrations"].says.startswith("at head: ")


def test_a_file_that_is_not_there_is_not_made(url: str, tmp_path: Path) -> None:
    for finding in findings(url).values():
        assert finding.verdict is Verdict.FAIL
        assert "there is no file" in finding.says
    assert list(tmp_path.iterdir()) == []


def test_without_a_schema(url: str) -> None:
    database = Database(url)
    database.ping()
    database.dispose()
    found = findings(url)
    assert found["database"].verdict is Verdict.OK
    assert found["migrations"].verdict is Verdict.FAIL
    assert "alembic -n crm upgrade head" in found["migrations"].remedy


def test_a_schema_that_this_code_does_not_know(url: str) -> None:
    database = migrated("crm", url)
    with database.unit_of_work() as db:
        db.execute(text("UPDATE alembic_version SET version_num = 'tomorrow'"))
    database.dispose()
    finding = findings(url)["migrations"]
    assert finding.verdict is Verdict.FAIL
    assert "stands at tomorrow, which this code does not know" in finding.says


def test_a_file_that_is_no_database(url: str, tmp_path: Path) -> None:
    (tmp_path / "crm.sqlite3").write_bytes(b"no database " * 100)
    assert {finding.verdict for finding in findings(url).values()} == {Verdict.FAIL}


@pytest.mark.parametrize("bad", ["postgresql+psycopg://crm:hush@[", "nosuch://crm:hush@host/crm"])
def test_a_url_that_is_none_tells_no_password(bad: str) -> None:
    for finding in findings(bad).values():
        assert finding.verdict is Verdict.FAIL
        assert "hush" not in finding.says
