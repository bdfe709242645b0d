"""What a database remembers of itself: local or production, since when, and the issuer that its tokens name.

Policy: ADR-0081. The first command or process that opens an empty database decides, and nothing changes it afterwards:
a local one has held published passwords and secrets, so production never uses it, and no local seed gets into a
production one. ENVIRONMENT is what a shell says; this is what the database says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared.database import Connection, Database, UtcDateTime, new_metadata
from shared.errors import ConfigurationError
from shared.settings import Settings


def installation_table(metadata: MetaData) -> Table:
    """Return the table, to be declared beside a service's own. It has one row, or none before the first start."""
    return Table(
        "installation",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("environment", String(20), nullable=False),
        Column("issuer", String(300)),
        Column("since", UtcDateTime, nullable=False),
        CheckConstraint("id = 1", "one_row"),
    )


_installation = installation_table(new_metadata())


@dataclass(frozen=True)
class Installation:
    """What is remembered; `issuer` is None until a process has said one."""

    environment: str
    issuer: str | None
    since: datetime

    def fault(self, environment: str) -> str | None:
        """Return why a process of this environment may not use the database; None: it may."""
        if environment == self.environment:
            return None
        if self.environment == "local":
            return (
                f"this database is a local one, since {self.since:%Y-%m-%d}: published passwords and secrets were in"
                " it. ENVIRONMENT=production needs a new database"
            )
        return f"this database is a production one, since {self.since:%Y-%m-%d}: ENVIRONMENT=local is refused"


def installation_of(connection: Connection) -> Installation | None:
    """Return what the database remembers; None: it has not been used yet."""
    columns = _installation.c
    row = connection.execute(select(columns.environment, columns.issuer, columns.since)).one_or_none()
    return None if row is None else Installation(*row)


def remember_issuer(connection: Connection, issuer: str) -> None:
    """Write the issuer that tokens name from now on."""
    connection.execute(update(_installation).values(issuer=issuer))


def recognise(service: str, settings: Settings, *, writes: bool) -> Installation | None:
    """Return what the settings' database remembers. An empty one learns its environment, if this `writes`.

    Raises:
        ConfigurationError: the database is of the other environment.
        Unavailable: it does not answer.
    """
    with _opened(service, settings) as database:
        with database.unit_of_work() as connection:
            found = installation_of(connection)
        if found is None and writes:
            found = _first(database, Installation(settings.environment, None, settings.clock().now()))
    if found is not None and (fault := found.fault(settings.environment)):
        raise ConfigurationError(fault)
    return found


def settle_issuer(service: str, settings: Settings, issuer: str) -> None:
    """Have the database of a service that starts remember the issuer that it will name."""
    with _opened(service, settings) as database, database.unit_of_work() as connection:
        remember_issuer(connection, issuer)


def _first(database: Database, first: Installation) -> Installation:
    """Write the row, or return the one of the process that was quicker."""
    values = {"id": 1, "environment": first.environment, "issuer": first.issuer, "since": first.since}
    try:
        with database.unit_of_work() as connection:
            connection.execute(insert(_installation).values(values))
    except IntegrityError:
        with database.unit_of_work() as connection:
            return installation_of(connection) or first
    return first


@contextmanager
def _opened(service: str, settings: Settings) -> Iterator[Database]:
    database = Database(settings.database(service), pool_size=1)
    try:
        yield database
    finally:
        database.dispose()
