"""What is done to many records at once, by command or by the clock: handing over, moving to a team, purging.

    python -m services.crm records reassign --from SUB --to SUB | records move --sub SUB --team TEAM | purge

Policy: ADR-0050, ADR-0051
"""

import argparse
import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from shared.api.history import Actor
from shared.api.settings import ApiSettings
from shared.clock import Clock
from shared.command_line import Subparsers
from shared.database import Database
from shared.errors import ConfigurationError, SuiteError

_log = logging.getLogger(__name__)

#: The author in the history of records that a command hands over.
BY_COMMAND = Actor("operator", "records reassign")


class Upkeep(Protocol):
    """The records of one API, all of them."""

    def reassign(self, subject: str, to: str, by: Actor, now: datetime) -> dict[str, int]:
        """Hand all records of one person to another, into that one's team, and return how many by kind."""

    def move(self, subject: str, team: str, now: datetime) -> int:
        """Put a person and their records into a team, and return how many records were in another."""

    def purge(self, now: datetime, keep_deleted: timedelta) -> dict[str, int]:
        """Remove what was deleted so long ago, and what has expired; return how many by kind."""


@dataclass(frozen=True)
class UpkeepCommands:
    """The commands of one service, on the records of its database."""

    service: str
    of: Callable[[Database], Upkeep]

    def add_to(self, commands: Subparsers) -> Subparsers:
        """Add `purge`, `records reassign` and `records move`, and return where more of `records` go."""
        purge = commands.add_parser("purge", help="remove what was deleted long ago, and what has expired")
        purge.set_defaults(act=self._purge)
        group = commands.add_parser("records", help="hand over records, or move them to a team")
        records = group.add_subparsers(dest="action", required=True)
        reassign = records.add_parser("reassign", help="hand all records of one person to another")
        reassign.add_argument("--from", dest="subject", required=True, metavar="SUB")
        reassign.add_argument("--to", required=True, metavar="SUB")
        reassign.set_defaults(act=self._reassign)
        move = records.add_parser("move", help="move all records of a person to a team")
        move.add_argument("--sub", dest="subject", required=True, metavar="SUB")
        move.add_argument("--team", required=True)
        move.set_defaults(act=self._move)
        return records

    def _reassign(self, settings: ApiSettings, given: argparse.Namespace) -> Sequence[str]:
        if given.subject == given.to:
            raise ConfigurationError("records reassign: --from and --to name the same person")
        with self.opened(settings) as records:
            done = records.reassign(given.subject, given.to, BY_COMMAND, settings.clock().now())
        return [f"{kind}: {count} handed to {given.to}" for kind, count in done.items() if count]

    def _move(self, settings: ApiSettings, given: argparse.Namespace) -> Sequence[str]:
        with self.opened(settings) as records:
            count = records.move(given.subject, given.team, settings.clock().now())
        return [f"{count} records moved to {given.team}"] if count else []

    def _purge(self, settings: ApiSettings, given: argparse.Namespace) -> Sequence[str]:
        del given
        with self.opened(settings) as records:
            done = records.purge(settings.clock().now(), settings.keep_deleted)
        return [f"{kind}: {count} removed" for kind, count in done.items() if count]

    @contextmanager
    def opened(self, settings: ApiSettings) -> Iterator[Upkeep]:
        """Yield the records, and close their database at the end."""
        database = Database(settings.database(self.service))
        try:
            yield self.of(database)
        finally:
            database.dispose()


@asynccontextmanager
async def purging(records: Upkeep, settings: ApiSettings, clock: Clock) -> AsyncIterator[None]:
    """Purge now and then while the block runs. Two processes may do so at once: each row is removed by one of them."""
    task = asyncio.create_task(_purge_for_ever(records, settings, clock))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _purge_for_ever(records: Upkeep, settings: ApiSettings, clock: Clock) -> None:
    while True:
        # not all processes at the same time, and none while it starts
        await asyncio.sleep(settings.purge_interval.total_seconds() * (50 + secrets.randbelow(50)) / 100)
        try:
            done = await run_in_threadpool(records.purge, clock.now(), settings.keep_deleted)
            if any(done.values()):
                _log.info("purged", extra={"fields": {"purged": done}})
        except SuiteError as error:
            _log.warning("what has expired could not be purged: %s", error)
