"""A real PostgreSQL of the test run's own: a cluster in a temporary directory, gone when the run ends."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from tests.support.ports import free_ports

# Debian keeps these out of PATH; one directory a major version.
_DEBIAN = Path("/usr/lib/postgresql")
_REMEDY = "install it (Debian: apt-get install postgresql), or put initdb and pg_ctl on PATH"

# What makes a throw-away cluster quick: nothing in it has to survive a crash.
_CONFIGURATION = """
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_connections = 200
shared_buffers = 64MB
listen_addresses = '127.0.0.1'
"""


class NoPostgres(Exception):
    """This machine cannot run a PostgreSQL; the message says what would change that."""


def find_programs() -> Path:
    """Return the directory of the newest PostgreSQL's programs.

    Raises:
        NoPostgres: none is installed.
    """
    candidates = sorted(_DEBIAN.glob("*/bin"), key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0))
    directories = list(reversed(candidates))
    if on_path := shutil.which("initdb"):
        directories.append(Path(on_path).resolve().parent)
    if pg_config := shutil.which("pg_config"):
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        directories.append(Path(told.stdout.strip()))
    for directory in directories:
        if (directory / "initdb").is_file() and (directory / "pg_ctl").is_file():
            return directory
    raise NoPostgres(_REMEDY)


class Cluster:
    """One PostgreSQL server, on loopback (a free port) and on a Unix socket in its own directory."""

    def __init__(self) -> None:
        self._programs = find_programs()
        self._as_owner = _drop_privileges()
        # Directly under /tmp: the path of a Unix socket may hold some 100 bytes, and TMPDIR may be deep.
        self._directory = Path(tempfile.mkdtemp(prefix="sso-postgres-", dir="/tmp"))
        if self._as_owner:
            shutil.chown(self._directory, "postgres", "postgres")
        self._data = self._directory / "data"
        self.port = 0

    def start(self) -> None:
        """Create the cluster and start it; returns when it answers.

        Raises:
            RuntimeError: it would not start (the message holds its log).
        """
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_CONFIGURATION + f"unix_socket_directories = '{self._directory}'\n")
        log = self._directory / "log"
        for _ in range(3):  # another process may take the free port first
            (self.port,) = free_ports(1)
            if self._run("pg_ctl", "-w", "-l", str(log), "-o", f"-p {self.port}", "start", check=False):
                return
        raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(encoding='utf-8')}")

    def stop(self) -> None:
        """End the server (pg_ctl reads its pid from the data directory) and remove every trace of it."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop", check=False)
        shutil.rmtree(self._directory, ignore_errors=True)

    def url(self, name: str) -> str:
        """Return the URL of the database `name`."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    @property
    def pid(self) -> int:
        """The server's first process, from which all others descend."""
        return int((self._data / "postmaster.pid").read_text(encoding="ascii").split()[0])

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        url = self.url(f"test_{uuid.uuid4().hex}")
        create_database(url)
        return url

    def _run(self, program: str, *arguments: str, check: bool = True) -> bool:
        command = [*self._as_owner, str(self._programs / program), "-D", str(self._data), *arguments]
        # Not to a pipe: the server inherits it and would hold it open.
        with (self._directory / "commands").open("ab") as output:
            done = subprocess.run(command, stdout=output, stderr=output, cwd=self._directory, check=False)
        if check and done.returncode:
            told = (self._directory / "commands").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"{program} failed:\n{told}")
        return done.returncode == 0


def create_database(url: str, template: str = "template0") -> None:
    """Create the database that `url` names, as a copy of `template`."""
    _administer(url, f'CREATE DATABASE "{make_url(url).database}" TEMPLATE "{template}"')


def drop_database(url: str) -> None:
    """Drop the database that `url` names, whoever is still connected."""
    _administer(url, f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


def _administer(url: str, statement: str) -> None:
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def _drop_privileges() -> list[str]:
    """Return the command prefix that runs a program as `postgres`: PostgreSQL refuses to run as root."""
    if os.geteuid():
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise NoPostgres("as root it needs a user `postgres` to run as (Debian's package makes one)") from None
    if shutil.which("setpriv"):
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
    if shutil.which("runuser"):
        return ["runuser", "-u", "postgres", "--"]
    raise NoPostgres("as root it needs setpriv or runuser (Debian: util-linux)")
