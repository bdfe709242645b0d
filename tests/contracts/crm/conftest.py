"""The CRM's stores on an empty database, once on each backend."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from services.crm.storage.activities import SqlActivities
from services.crm.storage.companies import SqlCompanies
from services.crm.storage.contacts import SqlContacts
from shared.database import Database


@dataclass(frozen=True)
class Stores:
    """The three stores of one database."""

    database: Database
    companies: SqlCompanies
    contacts: SqlContacts
    activities: SqlActivities


@pytest.fixture
def stores(migrated_database: Callable[[str], Database]) -> Stores:
    database = migrated_database("crm")
    return Stores(database, SqlCompanies(database), SqlContacts(database), SqlActivities(database))


@pytest.fixture
def contacts(stores: Stores) -> SqlContacts:
    return stores.contacts
