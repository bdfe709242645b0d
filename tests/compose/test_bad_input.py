"""What is missing or wrong is one clear line that names it and the remedy; nothing half made stays behind."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.compose import ComposeStack

INSTEAD = "or run the suite without containers: make run"


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a refused command says; what make and docker compose tell beside it is theirs."""
    assert done.returncode != 0, done.stdout
    lines = [line for line in done.stderr.splitlines() if not line.lstrip().startswith(("Container ", "make: "))]
    assert len(lines) == 1, lines
    return lines[0]


# ---------------------------------------------------------------- make up, before anything has started


@pytest.fixture
def unborn(compose: ComposeStack, tmp_path: Path) -> Iterator[ComposeStack]:
    """A stack that nobody has started, and that leaves nothing behind."""
    stack = ComposeStack(tmp_path)
    yield stack
    assert stack.compose("ps", "--all", "--quiet") == ""
    for kind in ("volume", "network"):
        assert stack.docker(kind, "ls", "--quiet", "--filter", f"name={stack.project}") == ""


def test_a_taken_port_is_named(unborn: ComposeStack) -> None:
    with socket.create_server(("127.0.0.1", unborn.port)):
        line = one_line(unborn.make("up"))
    assert line.startswith(f"up: HTTPS_PORT: port {unborn.port} on 127.0.0.1 is taken; stop what holds it, or")


def test_no_docker(unborn: ComposeStack, tmp_path: Path) -> None:
    done = unborn.run(sys.executable, "-m", "deploy.up", PATH=str(tmp_path))
    assert one_line(done) == f"up: docker was not found: install Docker with its compose plugin, {INSTEAD}"


def test_no_engine(unborn: ComposeStack, tmp_path: Path) -> None:
    line = one_line(unborn.make("up", DOCKER_HOST=f"unix://{tmp_path}/none.sock"))
    assert line.startswith(f"up: docker's engine does not answer: start it, {INSTEAD}")


@pytest.mark.parametrize("port", ["x", "70000"])
def test_a_port_that_is_none(unborn: ComposeStack, port: str) -> None:
    line = one_line(unborn.make("up", HTTPS_PORT=port))
    assert line.startswith("up: docker compose refuses its configuration: ")
    assert "HTTPS_PORT" in line
    assert port in line


def test_production_wants_its_domain(unborn: ComposeStack) -> None:
    files = ("-f", "docker-compose.yml", "-f", "docker-compose.production.yml")
    done = unborn.run("docker", "compose", *files, "config", "--quiet", DOMAIN="")
    assert "DOMAIN" in one_line(done)


# ---------------------------------------------------------------- make up, when a part does not come up


def test_a_lost_key_is_named_and_what_runs_goes_on(compose: ComposeStack) -> None:
    move = "mv /secrets/auth/{} /secrets/auth/{}"
    aside = compose.one_shot("init", command=["sh", "-c", move.format("refresh-mac-keys", ".aside")])
    assert aside.returncode == 0, aside.stderr
    try:
        done = compose.make("up")
    finally:
        compose.one_shot("init", command=["sh", "-c", move.format(".aside", "refresh-mac-keys")])
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("up: ")]
    lost = "/secrets/auth/refresh-mac-keys: was made before and is gone; restore it from its backup"
    assert said[0].startswith(f"up: init (exit code 1): init: {lost}")
    assert said[-1] == "up: all of it: make logs"
    with compose.http() as http:
        assert http.get(f"{compose.url('auth')}/readyz").status_code == 200
    compose.compose("up", "--detach", "--wait")


# ---------------------------------------------------------------- the one-shots, each alone


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A directory that stands in for a secret volume; everyone may read it."""
    directory = tmp_path / "volume"
    directory.mkdir(mode=0o755)
    return directory


def test_a_missing_secret_is_named(compose: ComposeStack, volume: Path) -> None:
    done = compose.one_shot("crm-migrate", "--volume", f"{volume}:/secrets/crm-owner:ro")
    assert one_line(done) == (
        "migrate: crm: /secrets/crm-owner/database-url: No such file or directory; "
        "it is made by init: docker compose up init"
    )


def test_a_missing_secret_stops_a_service(compose: ComposeStack, volume: Path) -> None:
    done = compose.one_shot("crm", "--volume", f"{volume}:/secrets/crm:ro")
    line = one_line(done)
    assert "CRM_DATABASE_URL_FILE: cannot read /secrets/crm/database-url: No such file or directory" in line


def test_a_wrong_password_of_the_superuser(compose: ComposeStack, volume: Path) -> None:
    (volume / "password").write_text("wrong", encoding="ascii")
    done = compose.one_shot("databases", "--volume", f"{volume}:/secrets/postgres:ro")
    line = one_line(done)
    assert line.startswith("databases: PostgreSQL at postgres:5432 refuses the password in postgres/password")
    assert "restore the volume postgres-secrets" in line
    assert "wrong" not in line


def test_a_wrong_password_of_an_owner(compose: ComposeStack, volume: Path) -> None:
    url = "postgresql+psycopg://crm_owner:wrong@postgres:5432/crm"
    (volume / "database-url").write_text(url, encoding="ascii")
    done = compose.one_shot("crm-migrate", "--volume", f"{volume}:/secrets/crm-owner:ro")
    expected = (
        "migrate: crm: PostgreSQL at postgres:5432 refuses the password of crm_owner; run: docker compose up databases"
    )
    assert one_line(done) == expected


def test_an_unreachable_database(compose: ComposeStack) -> None:
    done = compose.one_shot("databases", command=["python", "-m", "deploy.databases", "--port", "5433"])
    expected = "databases: PostgreSQL at postgres:5433 cannot be reached; see: docker compose logs postgres"
    assert one_line(done) == expected


def test_a_database_that_is_ahead_of_the_image(compose: ComposeStack) -> None:
    (revision,) = compose.sql("crm", "SELECT version_num FROM alembic_version").split()
    compose.sql("crm", "UPDATE alembic_version SET version_num = 'from_the_future'")
    try:
        line = one_line(compose.one_shot("crm-migrate"))
    finally:
        compose.sql("crm", f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608
    assert line.startswith("migrate: crm: the database stands at from_the_future, which this image does not know; ")


def test_a_migration_that_fails_half_way_leaves_nothing(compose: ComposeStack) -> None:
    # Orders' schema is gone but for one table, which is in the way of the first revision's last steps.
    compose.sql("orders", "ALTER SCHEMA public RENAME TO aside; CREATE SCHEMA public AUTHORIZATION orders_owner")
    compose.sql("orders", "SET ROLE orders_owner; CREATE TABLE orders (id int)")
    try:
        line = one_line(compose.one_shot("orders-migrate"))
        tables = compose.sql("orders", "SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace")
    finally:
        compose.sql("orders", "DROP SCHEMA public CASCADE; ALTER SCHEMA aside RENAME TO public")
    assert line.startswith('migrate: orders: relation "orders" already exists; the database stands at no revision')
    assert set(tables.split()) <= {"orders", "alembic_version", "alembic_version_pkc"}
