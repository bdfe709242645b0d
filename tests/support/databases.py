"""Databases with a service's schema in place, on SQLite and on PostgreSQL.

A history is run once for each service and backend; each test then gets a copy of the result, which is what
keeps a suite of store tests quick.
"""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

from shared.database import Database
from tests.support.postgres import create_database, drop_database

_ALEMBIC_INI = Path(__file__).parents[2] / "alembic.ini"


def alembic_config(service: str, database: Database) -> Config:
    """Return the configuration of `service`'s history, bound to `database`."""
    return Config(str(_ALEMBIC_INI), ini_section=service, attributes={"database": database})


def migrated(service: str, url: str) -> Database:
    """Return the database at `url` with `service`'s schema at head, in place of all that it held.

    The caller disposes of it (the fixture `migrated_database` does so by itself).
    """
    if make_url(url).get_backend_name() == "sqlite":
        file = Path(str(make_url(url).database))
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_sqlite_template(service), file)
    else:
        server = make_url(url).set(database="postgres").render_as_string(hide_password=False)
        template = _postgres_template(service, server)
        drop_database(url)
        create_database(url, template)
    return Database(url)


@functools.cache
def _sqlite_template(service: str) -> Path:
    directory = tempfile.mkdtemp(prefix="sso-sqlite-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    file = Path(directory) / f"{service}.sqlite3"
    _upgrade(service, f"sqlite:///{file}")
    return file


@functools.cache
def _postgres_template(service: str, server: str) -> str:
    name = f"template_{service}"
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    drop_database(url)
    create_database(url)
    _upgrade(service, url)
    return name


def _upgrade(service: str, url: str) -> None:
    database = Database(url)
    try:
        command.upgrade(alembic_config(service, database), "head")
    finally:
        database.dispose()  # the last connection of SQLite's WAL writes it back into the one file
