"""What a database remembers: an operator's shell cannot make a production database local, nor the other way round."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from services.auth.operations.cli import main as auth
from services.crm.cli import main as crm
from services.crm.settings import CrmSettings
from services.orders.cli import main as orders
from shared.database import Database
from shared.installation import Installation, installation_of, recognise
from tests.support.databases import alembic_config, migrated

ROOT = Path(__file__).parents[2]
LOCAL_FILE = str(ROOT / "config" / "local.yaml")
ALICE = "0190a1b0-0000-7000-8000-000000000a11"
HTTPS = {
    "AUTH_ISSUER": "https://auth.company.example",
    "AUTH_KEY_ENCRYPTION_KEYS": "A" * 43,
    "AUTH_REFRESH_MAC_KEYS": "B" * 43,
    "CRM_ISSUER": "https://auth.company.example",
    "CRM_AUDIENCE": "https://crm.company.example",
    "ORDERS_ISSUER": "https://auth.company.example",
    "ORDERS_AUDIENCE": "https://orders.company.example",
    "ORDERS_CRM_AUDIENCE": "https://crm.company.example",
    "ORDERS_CLIENT_SECRET": "a-secret-that-nobody-else-has-ever-seen",
}
COMMANDS = {"auth": auth, "crm": crm, "orders": orders}
EMPTY = "users: []\n"


class Shell:
    """An operator's shell: its environment, the commands, and what the last one said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], directory: Path) -> None:
        self._patch, self._capsys, self.directory = monkeypatch, capsys, directory
        monkeypatch.setenv("DATA_DIR", str(directory / "data"))
        for name in [*HTTPS, "ENVIRONMENT"]:
            monkeypatch.delenv(name, raising=False)

    def use(self, service: str, url: str) -> None:
        self._patch.setenv(f"{service.upper()}_DATABASE_URL", url)

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._patch.setenv(name, value)

    def unset(self, name: str) -> None:
        self._patch.delenv(name)

    def run(self, service: str, *arguments: str) -> tuple[int, str]:
        code = COMMANDS[service](list(arguments))
        said = self._capsys.readouterr()
        return code, said.out + said.err


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path)


def _url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def _remembered(database: Database) -> Installation | None:
    with database.autocommit() as connection:
        return installation_of(connection)


@pytest.fixture
def production(shell: Shell, postgres_database_url: str) -> Iterator[Database]:
    """A production database of auth, which a configuration was applied to."""
    database = migrated("auth", postgres_database_url)
    database.dispose()
    shell.use("auth", postgres_database_url)
    shell.set(ENVIRONMENT="production", **HTTPS)
    file = shell.directory / "suite.yaml"
    file.write_text(EMPTY, encoding="utf-8")
    assert shell.run("auth", "apply", str(file)) == (0, "nothing to do\n")
    yield database
    database.dispose()


def test_local_seeds_never_get_into_a_production_database(shell: Shell, production: Database) -> None:
    shell.set(ENVIRONMENT="local")
    code, said = shell.run("auth", "apply", LOCAL_FILE)
    assert code == 1 and said.startswith("auth: this database is a production one, since ")
    assert "ENVIRONMENT=local is refused" in said
    assert shell.run("auth", "apply", LOCAL_FILE, "--yes", "--plan")[0] == 1
    with production.autocommit() as connection:
        assert connection.execute(text("SELECT count(*) FROM users")).scalar_one() == 0
    assert (found := _remembered(production)) is not None and found.environment == "production"
    assert found.issuer == HTTPS["AUTH_ISSUER"]


@pytest.mark.parametrize("words", [("serve",), ("users", "list"), ("keys", "list"), ("purge",), ("clients", "list")])
def test_no_command_opens_a_database_of_the_other_environment(
    shell: Shell, production: Database, words: tuple[str, ...]
) -> None:
    assert production is not None
    shell.set(ENVIRONMENT="local")
    code, said = shell.run("auth", *words)
    assert code == 1 and "this database is a production one" in said


@pytest.mark.parametrize("service", ["auth", "crm", "orders"])
def test_production_does_not_start_on_a_database_that_held_local_seeds(
    shell: Shell, postgres_database_url: str, service: str
) -> None:
    migrated(service, postgres_database_url).dispose()
    shell.use(service, postgres_database_url)
    shell.set(ENVIRONMENT="local")
    assert shell.run(service, "apply", LOCAL_FILE)[0] == 0
    shell.set(ENVIRONMENT="production", **HTTPS)
    for words in (("serve",), ("purge",), ("doctor",)):
        code, said = shell.run(service, *words)
        assert code == 1 and "this database is a local one, since " in said, words
    assert shell.run(service, "apply", LOCAL_FILE)[0] == 1
    doctor = shell.run(service, "doctor")[1]
    assert "FAIL     installation" in doctor and "ENVIRONMENT=production needs a new database" in doctor


@pytest.mark.parametrize("service", ["auth", "crm", "orders"])
def test_a_plan_or_a_look_leaves_an_empty_database_undecided(
    shell: Shell, migrated_database: Callable[[str], Database], service: str
) -> None:
    database = migrated_database(service)
    shell.use(service, _url(database))
    shell.set(ENVIRONMENT="local")
    assert shell.run(service, "apply", LOCAL_FILE, "--plan")[0] == 0
    shell.run(service, "doctor")
    assert _remembered(database) is None
    assert shell.run(service, "apply", LOCAL_FILE)[0] == 0
    assert (found := _remembered(database)) is not None and found.environment == "local"


def test_of_two_first_processes_one_decides(shell: Shell, migrated_database: Callable[[str], Database]) -> None:
    database = migrated_database("crm")
    shell.use("crm", _url(database))
    settings = CrmSettings(environment="local")
    assert recognise("crm", settings, writes=True) == recognise("crm", settings, writes=True) == _remembered(database)


@pytest.mark.parametrize(
    ("service", "before"), [("auth", "20261129_people"), ("crm", "0008_deleted_records"), ("orders", "0005_people")]
)
@pytest.mark.parametrize(("held", "environment"), [("alice", "local"), ("others", "production"), ("nothing", None)])
def test_an_upgrade_sees_what_a_database_has_been(
    postgres_database_url: str, service: str, before: str, held: str, environment: str | None
) -> None:
    subject = {"alice": ALICE, "others": "0190a1b0-0000-7000-8000-0000000fffff", "nothing": None}[held]
    database = Database(postgres_database_url)
    try:
        config = alembic_config(service, database)
        command.upgrade(config, before)
        if subject is not None:
            with database.unit_of_work() as connection:
                connection.execute(text(_ROW[service]), {"sub": subject})
        command.upgrade(config, "head")
        found = _remembered(database)
    finally:
        database.dispose()
    assert (found.environment if found else None) == environment


#: A row of each service as it was before the revision that is tested.
_ROW = {
    "auth": "INSERT INTO users (id, username, password_hash, claims, roles, created_at, updated_at)"
    " VALUES (:sub, 'someone', 'x', '{}', '[]', now(), now())",
    "crm": "INSERT INTO contacts (id, owner_sub, name, name_key, search_text, version, created_at, updated_at)"
    " VALUES ('0190a1b0-0000-7000-8000-00000000c001', :sub, 'x', 'x', 'x', 1, now(), now())",
    "orders": "INSERT INTO orders (id, owner_sub, customer_id, currency, status, created_at, updated_at)"
    " VALUES ('0190a1b0-0000-7000-8000-00000000d001', :sub, '0190a1b0-0000-7000-8000-00000000c001', 'EUR', 'draft',"
    " now(), now())",
}


class TestIssuer:
    """The issuer of the running stack is the database's; a command with other defaults does not move it."""

    @pytest.fixture
    def other(self, shell: Shell, migrated_database: Callable[[str], Database]) -> Database:
        database = migrated_database("auth")
        shell.use("auth", _url(database))
        shell.set(ENVIRONMENT="local", AUTH_ISSUER="https://localhost:9543")
        assert shell.run("auth", "apply", LOCAL_FILE)[0] == 0
        shell.unset("AUTH_ISSUER")
        return database

    def test_readmes_line_on_a_stack_elsewhere_moves_nothing(self, shell: Shell, other: Database) -> None:
        assert shell.run("auth", "apply", LOCAL_FILE) == (0, "nothing to do\n")
        assert (found := _remembered(other)) is not None and found.issuer == "https://localhost:9543"

    def test_another_issuer_needs_a_yes(self, shell: Shell, other: Database) -> None:
        shell.set(AUTH_ISSUER="http://localhost:9000")
        code, said = shell.run("auth", "apply", LOCAL_FILE)
        assert code == 1
        assert "change issuer http://localhost:9000: every token that names https://localhost:9543 is refused" in said
        assert shell.run("auth", "apply", LOCAL_FILE, "--plan") == (0, "change issuer http://localhost:9000\n")
        assert (found := _remembered(other)) is not None and found.issuer == "https://localhost:9543"
        assert shell.run("auth", "apply", LOCAL_FILE, "--yes") == (0, "change issuer http://localhost:9000\n")
        assert (found := _remembered(other)) is not None and found.issuer == "http://localhost:9000"

    @pytest.mark.parametrize("words", [("serve",), ("users", "list")])
    def test_nobody_serves_or_works_under_another_issuer(
        self, shell: Shell, other: Database, words: tuple[str, ...]
    ) -> None:
        assert other is not None
        shell.set(AUTH_ISSUER="http://localhost:9000")
        code, said = shell.run("auth", *words)
        assert code == 1
        told = (
            "auth: AUTH_ISSUER: is http://localhost:9000, but the tokens of this database name https://localhost:9543"
        )
        assert said.startswith(told) and "apply FILE --plan" in said
        assert "its tokens name https://localhost:9543" in shell.run("auth", "doctor")[1]
