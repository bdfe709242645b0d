"""The database of the settings, opened for one command."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.auth.settings import AuthSettings
from services.auth.storage import SqlAuthDatabase
from shared.database import Database


@contextmanager
def opened(settings: AuthSettings) -> Iterator[SqlAuthDatabase]:
    """Open it, and let go of it afterwards."""
    database = Database(settings.database("auth"))
    try:
        yield SqlAuthDatabase(database)
    finally:
        database.dispose()
