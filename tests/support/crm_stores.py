"""The CRM's stores for tests that do not ask who adds or changes a record."""

from dataclasses import dataclass
from typing import Any

from services.crm.activities import Activity
from services.crm.companies import Company
from services.crm.contacts import Contact
from services.crm.storage.activities import SqlActivities
from services.crm.storage.companies import SqlCompanies
from services.crm.storage.contacts import SqlContacts
from shared.api.history import Actor
from shared.database import Database

SOMEBODY = Actor("alice", "mobile-app")


class Companies(SqlCompanies):
    """Companies, for tests that do not ask who adds them."""

    def add(self, *records: Company, by: Actor = SOMEBODY) -> None:
        super().add(*records, by=by)


class Contacts(SqlContacts):
    """Contacts, likewise; whoever changes one may be left out, too."""

    def add(self, *records: Contact, by: Actor = SOMEBODY) -> None:
        super().add(*records, by=by)

    def change(self, *args: Any, by: Actor = SOMEBODY, **options: Any) -> Contact | None:
        return super().change(*args, by=by, **options)


class Activities(SqlActivities):
    """Activities, likewise."""

    def add(self, *records: Activity, by: Actor = SOMEBODY) -> None:
        super().add(*records, by=by)


@dataclass(frozen=True)
class Stores:
    """The three stores of one database."""

    database: Database
    companies: Companies
    contacts: Contacts
    activities: Activities


def stores_on(database: Database) -> Stores:
    return Stores(database, Companies(database), Contacts(database), Activities(database))
