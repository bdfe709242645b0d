"""python -m deploy.databases: brings PostgreSQL to three databases, each with an owner and a service role.

The owner changes the schema and is used by migrations alone; the service's role reads and writes rows. Neither can
connect to another service's database. Idempotent: roles are made, and passwords set, to what the volumes say.
Exit 0 done, 1 refused (one line on standard error says why), 2 wrong usage.

Policy: ADR-0010
"""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from shared.errors import ConfigurationError, SuiteError, Unavailable

SERVICES = ("auth", "crm", "orders")


def main(arguments: list[str] | None = None) -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.databases", description="Make databases and roles.")
    parser.add_argument("--host", default="postgres")
    parser.add_argument("--port", type=int, default=5432)
    parser.add_argument("--superuser", default="postgres")
    parser.add_argument("--root", type=Path, default=Path("/secrets"), help="where the volumes are mounted")
    given = parser.parse_args(arguments)
    try:
        server = Server(given.host, given.port, given.superuser, read_secret(given.root / "postgres" / "password"))
        made = [line for service in SERVICES for line in prepare(server, service, given.root)]
    except SuiteError as error:
        print(f"databases: {error}", file=sys.stderr)
        return 1
    print("\n".join(made) or "nothing to do")
    return 0


class Server:
    """One PostgreSQL, seen by its superuser."""

    def __init__(self, host: str, port: int, superuser: str, password: str) -> None:
        self.host, self.port = host, port
        self._superuser, self._password = superuser, password

    def connect(self, database: str) -> psycopg.Connection:
        """Return a connection on which each statement is a transaction of its own.

        Raises:
            ConfigurationError: the password is refused.
            Unavailable: nothing answers.
        """
        try:
            return self._connect(database, self._superuser, self._password)
        except psycopg.OperationalError as error:
            where = f"PostgreSQL at {self.host}:{self.port}"
            if refused(error):
                remedy = "restore the volume postgres-secrets, or begin with no data: docker compose down -v"
                reason = f"refuses the password in postgres/password for {self._superuser}"
                raise ConfigurationError(f"{where} {reason}: its data were made with another; {remedy}") from error
            raise Unavailable(f"{where} cannot be reached; see: docker compose logs postgres") from error

    def accepts(self, role: str, password: str, database: str) -> bool:
        """Tell whether the role may sign in with this password."""
        try:
            self._connect(database, role, password).close()
        except psycopg.OperationalError as error:
            if refused(error):
                return False
            raise Unavailable(f"PostgreSQL at {self.host}:{self.port} went away; run it again") from error
        return True

    def _connect(self, database: str, role: str, password: str) -> psycopg.Connection:
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=role,
            password=password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )


def prepare(server: Server, service: str, root: Path) -> list[str]:
    """Bring one service's roles and database in place; return a line for each thing that was made or set."""
    owner, role = f"{service}_owner", service
    volume = "auth-database" if service == "auth" else service  # beside auth's keys, which nobody else reads
    passwords = {owner: _password_of(root, owner, f"{service}-owner"), role: _password_of(root, role, volume)}
    lines = []
    with server.connect("postgres") as connection:
        for name in passwords:
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", name):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
                lines.append(f"role {name}: made")
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", service):
            names = {"database": sql.Identifier(service), "owner": sql.Identifier(owner)}
            connection.execute(sql.SQL("CREATE DATABASE {database} OWNER {owner}").format(**names))
            lines.append(f"database {service}: made")
        for statement in _WHO_MAY_CONNECT:
            _execute(connection, statement, service)
        for name, password in passwords.items():
            if not server.accepts(name, password, service):
                # the verifier, made here: the password itself is in no statement, and so in no log of the server
                verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), verifier.decode()))
                lines.append(f"role {name}: password set")
    with server.connect(service) as connection:
        for statement in _WHO_MAY_DO_WHAT:
            _execute(connection, statement, service)
    return lines


_WHO_MAY_CONNECT = (
    "REVOKE ALL ON DATABASE {database}, postgres, template1 FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
)
#: For what the owner makes from now on; deploy.migrate grants what there is.
_LATER = "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
_WHO_MAY_DO_WHAT = (
    "ALTER SCHEMA public OWNER TO {owner}",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO {role}",
    f"{_LATER} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {{role}}",
    f"{_LATER} GRANT USAGE, SELECT ON SEQUENCES TO {{role}}",
)


def _execute(connection: psycopg.Connection, statement: str, service: str) -> None:
    owner, role = sql.Identifier(f"{service}_owner"), sql.Identifier(service)
    connection.execute(sql.SQL(statement).format(database=sql.Identifier(service), owner=owner, role=role))


def refused(error: psycopg.OperationalError) -> bool:
    """Tell whether the server answered and said no, rather than did not answer."""
    return "authentication failed" in str(error)


def read_secret(file: Path) -> str:
    """Return what a secret's file holds.

    Raises:
        ConfigurationError: it is not there, or empty.
    """
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; it is made by init: docker compose up init") from error
    if not secret:
        raise ConfigurationError(f"{file}: is empty; remove it and run init: docker compose up init")
    return secret


def _password_of(root: Path, role: str, volume: str) -> str:
    file = root / volume / "database-url"
    address = urlsplit(read_secret(file))
    if address.username != role or not address.password:
        raise ConfigurationError(f"{file}: must be the address of a database with role {role} and a password")
    return address.password


def _exists(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None


if __name__ == "__main__":
    sys.exit(main())
