"""The command line of the CRM; that of Orders is its twin, tested by its own seeds."""

from pathlib import Path

import pytest

from services.crm.cli import main
from services.crm.records import Listing
from services.crm.storage.contacts import SqlContacts
from shared.api.reach import Reach
from shared.database import Database
from tests.support.databases import migrated

SEEDS = """
crm:
  contacts:
    - {id: 0190a1b0-0000-7000-8000-00000000c001, owner_sub: alice, owner_team: sales, name: NAME}
    - {id: 0190a1b0-0000-7000-8000-00000000c002, owner_sub: bob, name: Cheshire Cat, email: cat@smile.example}
orders: {anything: goes}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("CRM_DATABASE_URL", f"sqlite:///{tmp_path / 'crm.sqlite3'}")
    migrated("crm", f"sqlite:///{tmp_path / 'crm.sqlite3'}").dispose()
    seeds = tmp_path / "seeds.yaml"
    seeds.write_text(SEEDS.replace("NAME", "Mad Hatter"), encoding="utf-8")
    return seeds


def apply(file: Path, *options: str) -> int:
    return main(["apply", str(file), *options])


def test_seeds_are_added_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert apply(file) == 0
    assert capsys.readouterr().out.splitlines() == [
        "contact 0190a1b0-0000-7000-8000-00000000c001: added",
        "contact 0190a1b0-0000-7000-8000-00000000c002: added",
    ]
    assert apply(file) == 0
    assert capsys.readouterr().out == "nothing to do\n"


def test_a_plan_says_the_same_and_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert apply(file, "--plan") == 0
    planned = capsys.readouterr().out
    assert apply(file) == 0
    assert capsys.readouterr().out == planned != "nothing to do\n"
    assert apply(file, "--plan") == 0
    assert capsys.readouterr().out == "nothing to do\n"


def test_a_changed_seed_is_corrected_and_the_others_left_alone(
    file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    apply(file)
    capsys.readouterr()
    file.write_text(SEEDS.replace("NAME", "March Hare"), encoding="utf-8")
    assert apply(file) == 0
    assert capsys.readouterr().out == "contact 0190a1b0-0000-7000-8000-00000000c001: changed\n"
    database = Database(f"sqlite:///{tmp_path / 'crm.sqlite3'}")
    names = [
        contact.details.name for contact in SqlContacts(database).page(Reach(everyone=True), Listing(), 10, None).items
    ]
    database.dispose()
    assert sorted(names) == ["Cheshire Cat", "March Hare"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("crm: {contacts: [{id: 1}]}", "crm.contacts.0"),
        ("crm: {contracts: []}", "crm.contracts"),
        ("crm: []", "crm"),
        ("- a list", "mapping"),
        ("{", "not YAML"),
        ("crm: {contacts: [{name: '${NOT_SET_ANYWHERE}'}]}", "NOT_SET_ANYWHERE"),
    ],
)
def test_a_bad_file_is_one_clear_line(file: Path, capsys: pytest.CaptureFixture[str], text: str, told: str) -> None:
    file.write_text(text, encoding="utf-8")
    assert apply(file) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("crm: ") and captured.err.count("\n") == 1
    assert told.lower() in captured.err.lower()


def test_a_missing_file_is_one_clear_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert apply(file.with_name("missing.yaml")) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_file_without_the_section_is_nothing_to_do(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("users: []", encoding="utf-8")
    assert apply(file) == 0
    assert capsys.readouterr().out == "nothing to do\n"


def test_production_refuses_seeds(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("CRM_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("CRM_ISSUER", "https://auth.example")
    monkeypatch.setenv("CRM_AUDIENCE", "https://crm.example")
    assert apply(file) == 1
    assert capsys.readouterr().err == "crm: apply: seed records are refused with ENVIRONMENT=production\n"


def test_a_bad_setting_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRM_PORT", "much")
    assert apply(file) == 1
    assert capsys.readouterr().err.startswith("crm: CRM_PORT: ")


@pytest.mark.parametrize("arguments", [[], ["apply"], ["destroy"], ["serve", "now"]])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
