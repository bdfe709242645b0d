"""python -m services.crm: serve, apply, doctor. `apply` brings seed records here, in ENVIRONMENT=local alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.crm.app import create_app
from services.crm.contacts import Contact
from services.crm.endpoints.contacts import ContactIn
from services.crm.settings import CrmSettings
from services.crm.storage.contacts import SqlContacts
from shared.bearer import Owner, Reach
from shared.command_line import Commands
from shared.config_file import load_config
from shared.database import Database
from shared.errors import ConfigurationError


class SeedContact(ContactIn):
    """A contact of the configuration file: it says its id and its owner."""

    id: UUID
    owner_sub: str = Field(min_length=1, max_length=255)
    owner_team: str | None = Field(default=None, max_length=255)


class Seeds(BaseModel):
    """The section `crm` of the configuration file."""

    model_config = ConfigDict(extra="forbid")

    contacts: list[SeedContact] = Field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return Commands("crm", CrmSettings, create_app, _apply, _doctor).run(arguments)


def _doctor() -> int:
    from services.crm import doctor  # noqa: PLC0415 - it brings Alembic, which a service that starts needs not

    return doctor.run()


def _apply(settings: CrmSettings, file: Path, write: bool) -> list[str]:
    """Add and correct the file's records; others are left alone.

    Raises:
        ConfigurationError: the file is bad, or this is production, which takes no seeds.
    """
    if not settings.local:
        raise ConfigurationError("apply: seed records are refused with ENVIRONMENT=production")
    seeds = _read_seeds(file)
    database = Database(settings.database("crm"))
    try:
        return list(_changes(seeds, SqlContacts(database), settings, write=write))
    finally:
        database.dispose()


def _read_seeds(file: Path) -> list[SeedContact]:
    try:
        return Seeds.model_validate(load_config(file).get("crm", {})).contacts
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{file}: crm.{where}: {first['msg']}") from error


def _changes(seeds: list[SeedContact], contacts: SqlContacts, settings: CrmSettings, *, write: bool) -> Iterator[str]:
    now = settings.clock().now()
    for seed in seeds:
        wanted = Contact(seed.id, Owner(seed.owner_sub, seed.owner_team), seed.details(), now, now)
        found = contacts.find(seed.id, Reach(everyone=True))
        if found is None:
            if write:
                contacts.add(wanted)
            yield f"contact {seed.id}: added"
        elif (found.owner, found.details) != (wanted.owner, wanted.details):
            if write:
                contacts.replace(replace(wanted, created_at=found.created_at))
            yield f"contact {seed.id}: changed"
