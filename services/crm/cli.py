"""python -m services.crm: serve, apply, doctor, records, purge.

`apply` brings seed records here, in ENVIRONMENT=local alone.
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.crm.app import create_app
from services.crm.endpoints.activities import ActivityIn
from services.crm.endpoints.companies import CompanyIn
from services.crm.endpoints.contacts import ContactIn
from services.crm.records import Details, Record
from services.crm.settings import CrmSettings
from services.crm.storage.activities import SqlActivities
from services.crm.storage.companies import SqlCompanies
from services.crm.storage.contacts import SqlContacts
from services.crm.storage.records import SqlRecords
from services.crm.storage.upkeep import CrmUpkeep, teams_of
from shared.api.history import OPERATOR
from shared.api.reach import Reach
from shared.api.seeds import Seed, Seeding
from shared.api.timestamp import Timestamp
from shared.api.upkeep import UpkeepCommands
from shared.command_line import Commands, Subparsers
from shared.database import Database


class SeedCompany(CompanyIn, Seed):
    """A company of the configuration file."""


class SeedContact(ContactIn, Seed):
    """A contact of the configuration file."""


class SeedActivity(ActivityIn, Seed):
    """An activity of the configuration file; when it was done must be said, so that a second run changes nothing."""

    occurred_at: Timestamp


class Seeds(BaseModel):
    """The section `crm` of the configuration file, in the order in which its records can name each other."""

    model_config = ConfigDict(extra="forbid")

    companies: list[SeedCompany] = Field(default_factory=list)
    contacts: list[SeedContact] = Field(default_factory=list)
    activities: list[SeedActivity] = Field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    apply = Seeding("crm", Seeds, teams_of, _changes).apply
    return Commands("crm", CrmSettings, create_app, apply, _doctor, _add_upkeep).run(arguments)


def _add_upkeep(commands: Subparsers) -> None:
    erase = (
        UpkeepCommands("crm", CrmUpkeep)
        .add_to(commands)
        .add_parser("erase", help="remove all that is kept of one contact")
    )
    erase.add_argument("--contact", type=UUID, required=True, metavar="ID")
    erase.set_defaults(act=_erase)


def _erase(settings: CrmSettings, given: Namespace) -> Sequence[str]:
    database = Database(settings.database("crm"))
    try:
        removed = CrmUpkeep(database).erase_contact(given.contact)
    finally:
        database.dispose()
    return [f"{kind}: {count} erased" for kind, count in removed.items()]


def _doctor() -> int:
    from services.crm import doctor  # noqa: PLC0415 - it brings Alembic, which a service that starts needs not

    return doctor.run()


def _changes(seeds: Seeds, database: Database, now: datetime, write: bool) -> Iterator[str]:
    for company in seeds.companies:
        yield from _change("company", SqlCompanies(database), company, company.details(), now, write=write)
    for contact in seeds.contacts:
        yield from _change("contact", SqlContacts(database), contact, contact.details(), now, write=write)
    for activity in seeds.activities:
        yield from _change("activity", SqlActivities(database), activity, activity.details(now), now, write=write)


def _change(
    kind: str, records: SqlRecords[Details], seed: Seed, details: Details, now: datetime, *, write: bool
) -> Iterator[str]:
    wanted = Record(seed.id, seed.owner(), details, now, now)
    found = records.find(seed.id, Reach(everyone=True))
    if found is None:
        if write:
            records.add(wanted, by=OPERATOR)
        yield f"{kind} {seed.id}: added"
    elif (found.owner, found.details) != (wanted.owner, wanted.details):
        if write:
            after = replace(wanted, created_at=found.created_at, version=found.version + 1)
            records.save([(found, after)], OPERATOR)
        yield f"{kind} {seed.id}: changed"
