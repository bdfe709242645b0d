"""What is deleted is gone after a time, and what is kept of a person can be erased: `purge`, `records erase`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.crm.cli import main
from services.crm.settings import CrmSettings
from services.crm.storage.upkeep import CrmUpkeep
from shared.database import Database
from shared.testing import SettableClock
from tests.support.calls import Call

NAME = "Jabberwock"


@pytest.fixture
def database(settings: CrmSettings) -> Any:
    opened = Database(settings.database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def command(settings: CrmSettings, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("CRM_DATABASE_URL", settings.database_url)
    return main


def contact_with_traces(call: Call) -> str:
    """Make a contact that has left its name wherever a contact can: itself, history, activities, answers, search."""
    key = {"Idempotency-Key": "once"}
    contact: str = call("POST", "/api/contacts", json={"name": NAME, "email": f"{NAME}@x.example"}, headers=key).json()[
        "id"
    ]
    call("PATCH", f"/api/contacts/{contact}", json={"name": f"{NAME} II"})
    note = {"kind": "note", "subject": f"Met {NAME}", "body": NAME, "contact_id": contact}
    activity = call("POST", "/api/activities", json=note, headers={"Idempotency-Key": "note"}).json()["id"]
    call("PATCH", f"/api/activities/{activity}", json={"subject": f"Slew {NAME}"})
    return contact


def kept(database: Database, word: str) -> list[str]:
    """Return the tables that hold the word, in whatever column."""
    with database.autocommit() as db:
        names = db.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        return [name for name in names if word.lower() in str(db.execute(text(f"SELECT * FROM {name}")).all()).lower()]  # noqa: S608 - names of ours


@pytest.mark.parametrize("deleted", [False, True])
def test_nothing_of_an_erased_contact_is_kept(
    call: Call,
    database: Database,
    command: Callable[[list[str]], int],
    capsys: pytest.CaptureFixture[str],
    deleted: bool,
) -> None:
    contact = contact_with_traces(call)
    other = call("POST", "/api/contacts", json={"name": "Mad Hatter"}, headers={"Idempotency-Key": "other"}).json()[
        "id"
    ]
    if deleted:
        call("DELETE", f"/api/contacts/{contact}")
    assert len(kept(database, NAME)) >= 5
    assert command(["records", "erase", "--contact", contact]) == 0
    told = capsys.readouterr().out
    assert "contacts: 1 erased" in told
    assert "activities: 1 erased" in told
    assert kept(database, NAME) == []
    assert kept(database, contact.replace("-", "")) == []
    assert call("GET", f"/api/contacts/{contact}").status_code == 404
    assert call("GET", f"/api/contacts/{other}").status_code == 200
    assert "idempotency_keys" in kept(database, "Mad Hatter")


def test_erasing_nobody_is_refused(command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> None:
    unknown = "0190a1b0-0000-7000-8000-00000000ffff"
    assert command(["records", "erase", "--contact", unknown]) == 1
    assert capsys.readouterr().err == f"crm: records erase: there is no contact {unknown}\n"


def test_what_was_deleted_long_ago_is_purged_with_all_that_hangs_on_it(
    call: Call, database: Database, clock: SettableClock, settings: CrmSettings
) -> None:
    contact = contact_with_traces(call)
    company = call("POST", "/api/companies", json={"name": "Tulgey Wood"}).json()["id"]
    call("POST", "/api/activities", json={"kind": "call", "subject": "Wood", "company_id": company})
    call("DELETE", f"/api/contacts/{contact}")
    call("DELETE", f"/api/companies/{company}")
    staying = call("POST", "/api/contacts", json={"name": "Cheshire Cat"}).json()["id"]
    clock.advance(days=80)
    late = call("POST", "/api/contacts", json={"name": "Dormouse"}).json()["id"]
    call("DELETE", f"/api/contacts/{late}")
    upkeep = CrmUpkeep(database)
    assert not any(
        upkeep.purge(clock.now() + timedelta(days=9), settings.keep_deleted).get(kind) for kind in ("contacts",)
    )
    done = upkeep.purge(clock.now() + timedelta(days=11), settings.keep_deleted)
    assert (done["contacts"], done["companies"]) == (1, 1)
    assert kept(database, NAME) == []
    assert kept(database, "Wood") == []
    assert call("GET", f"/api/contacts/{staying}").status_code == 200
    assert call("POST", f"/api/contacts/{late}/restore", json=None).status_code == 200


def test_purge_is_a_command(
    call: Call, command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(["purge"]) == 0
    assert capsys.readouterr().out == "nothing to do\n"
