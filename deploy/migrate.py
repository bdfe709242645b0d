"""python -m deploy.migrate SERVICE: brings one service's schema to head as its owner, then says what its role may do.

Each revision is a transaction of its own: a failed one leaves the database at the one before. Exit 0 at head, 1
refused or failed (one line on standard error says why), 2 wrong usage.

Policy: ADR-0010
"""

import argparse
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import inspect, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from deploy.databases import read_secret
from shared.database import Database
from shared.errors import ConfigurationError, SuiteError, Unavailable

#: Tables that the services add to and never change.
_ONLY_GROW = ("audit_events", "audit_retention", "order_history")
#: Tables that the services add to and erase from, and never rewrite.
_NEVER_REWRITTEN = ("record_history",)
#: What a database is: written once, its issuer apart (ADR-0081).
_WRITTEN_ONCE = "installation"
_ALEMBIC_INI = Path(__file__).parents[1] / "alembic.ini"


def main(arguments: list[str] | None = None) -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.migrate", description="Bring a schema to head.")
    parser.add_argument("service", choices=["auth", "crm", "orders"])
    parser.add_argument("--database-url-file", type=Path, required=True, help="the owner's")
    given = parser.parse_args(arguments)
    try:
        print(f"{given.service}: at {migrate(given.service, read_secret(given.database_url_file))}")
    except SuiteError as error:
        print(f"migrate: {given.service}: {error}", file=sys.stderr)
        return 1
    return 0


def migrate(service: str, url: str) -> str:
    """Bring the database at `url` to head and return the revision.

    Raises:
        ConfigurationError: the password is refused, or a revision fails or is unknown.
        Unavailable: the database does not answer.
    """
    database = Database(url)
    before = None
    try:
        before = _revision(database)
        command.upgrade(Config(str(_ALEMBIC_INI), ini_section=service, attributes={"database": database}), "head")
        _grant(database, service)
        return _revision(database) or "no revision"
    except OperationalError as error:
        raise _unreachable(url, error) from error
    except CommandError as error:
        remedy = "run the image that made it, or restore a backup"
        raise ConfigurationError(
            f"the database stands at {before}, which this image does not know; {remedy}"
        ) from error
    except SQLAlchemyError as error:
        stands = f"the database stands at {_revision(database) or 'no revision'}, every later one undone"
        raise ConfigurationError(f"{_first_line(error)}; {stands}: mend the cause and run it again") from error
    finally:
        database.dispose()


def _grant(database: Database, service: str) -> None:
    """Let the service's role do what the service does: rows, never the schema, and trails that only grow."""
    statements = [
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {service}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {service}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {service}",
    ]
    there = inspect(database.engine).get_table_names()
    statements += [f"REVOKE UPDATE, DELETE ON {table} FROM {service}" for table in _ONLY_GROW if table in there]
    statements += [f"REVOKE UPDATE ON {table} FROM {service}" for table in _NEVER_REWRITTEN if table in there]
    if _WRITTEN_ONCE in there:
        statements += [
            f"REVOKE UPDATE, DELETE ON {_WRITTEN_ONCE} FROM {service}",
            f"GRANT UPDATE (issuer) ON {_WRITTEN_ONCE} TO {service}",
        ]
    with database.unit_of_work() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _revision(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _unreachable(url: str, error: OperationalError) -> SuiteError:
    address = make_url(url)
    where = f"PostgreSQL at {address.host}:{address.port or 5432}"
    if "authentication failed" in str(error):
        return ConfigurationError(
            f"{where} refuses the password of {address.username}; run: docker compose up databases"
        )
    return Unavailable(f"{where} cannot be used: {_first_line(error)}")


def _first_line(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
