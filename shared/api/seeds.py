"""Seed records: what `apply FILE` of an API adds and corrects, in ENVIRONMENT=local alone.

A service says what its section of the file holds (a model of lists of seeds) and how one seed is compared and written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from shared.api.reach import Owner
from shared.api.teams import SqlTeams
from shared.bearer import ResourceServerSettings
from shared.command_line import ToApply
from shared.config_file import load_config
from shared.database import Database
from shared.errors import ConfigurationError

Section = TypeVar("Section", bound=BaseModel)
#: Earlier than any token.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Seed(BaseModel):
    """The id and the owner, which a record of the configuration file says of itself."""

    id: UUID
    owner_sub: str = Field(min_length=1, max_length=255)
    owner_team: str | None = Field(default=None, max_length=255)

    def owner(self) -> Owner:
        """Return whom it belongs to."""
        return Owner(self.owner_sub, self.owner_team)


@dataclass(frozen=True)
class Seeding(Generic[Section]):
    """The seeds of one service: the section of the file that has its name.

    `changes` yields one line for each record that differs, and writes it if `write`.
    """

    service: str
    section: type[Section]
    teams: Callable[[Database], SqlTeams]
    changes: Callable[[Section, Database, datetime, bool], Iterator[str]]

    def apply(self, settings: ResourceServerSettings, asked: ToApply) -> list[str]:
        """Add and correct the file's records and return one line a change; other records are left alone.

        Raises:
            ConfigurationError: the file is bad. The command line has refused production, and a production database.
        """
        section = self._read(asked.file)
        database = Database(settings.database(self.service))
        try:
            changes = list(self.changes(section, database, settings.clock().now(), asked.write))
            if asked.write:
                self._introduce(section, self.teams(database))
            return changes
        finally:
            database.dispose()

    def _introduce(self, section: Section, teams: SqlTeams) -> None:
        """Have the owners known as members of their teams, until a token of theirs says otherwise."""
        owners = {seed.owner() for _, seeds in section for seed in seeds if isinstance(seed, Seed)}
        for owner in owners:
            if owner.team is not None:
                teams.introduce(owner.subject, owner.team, EPOCH)

    def _read(self, file: Path) -> Section:
        try:
            return self.section.model_validate(load_config(file).get(self.service, {}))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"{file}: {self.service}.{where}: {first['msg']}") from error
