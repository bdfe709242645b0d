"""The CRM's stores on an empty database, once on each backend."""

from collections.abc import Callable

import pytest

from shared.database import Database
from tests.support.crm_stores import Contacts, Stores, stores_on


@pytest.fixture
def stores(migrated_database: Callable[[str], Database]) -> Stores:
    return stores_on(migrated_database("crm"))


@pytest.fixture
def contacts(stores: Stores) -> Contacts:
    return stores.contacts
