"""Tasks by the clock: each is done by one process at a time, whichever finds it due, by a lease in the database.

Policy: ADR-0077
A process that dies in a task leaves it to the others when its lease ends. Right with any number of workers and
replicas: the row of a task decides, in one conditional UPDATE.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from shared.errors import Unavailable

#: How long a task is left to the process that took it; a task ends well before.
LEASE = timedelta(minutes=5)
#: After one that failed.
RETRY = timedelta(minutes=1)
_LOOK_EVERY = 10  # seconds

_log = logging.getLogger(__name__)


class Leases(Protocol):
    """The port that storage implements. Each method is one statement."""

    def take(self, task: str, holder: UUID, *, every: timedelta, now: datetime) -> bool:
        """Take the task for `LEASE` if it is due and nobody has it; a task that is new is due.

        A moment further away than the interval or lease allows was written by a clock that has been set back since.
        """
        ...

    def give_back(self, task: str, holder: UUID, *, due_at: datetime, done_at: datetime | None) -> None:
        """Let go of it, unless somebody else has it by now."""
        ...


class LeaseDatabase(Protocol):
    """Opens the leases for single statements."""

    def leases(self) -> AbstractContextManager[Leases]: ...


@dataclass(frozen=True)
class Task:
    """What is done every so often. `act` returns a line for each thing that it did; it must end within `LEASE` / 2."""

    name: str
    every: timedelta
    act: Callable[[datetime], Sequence[str]]


@dataclass(frozen=True)
class Upkeep:
    """Does the tasks of one database in this process, when they are due."""

    database: LeaseDatabase
    tasks: Sequence[Task]
    now: Callable[[], datetime]
    holder: UUID = field(default_factory=uuid4)

    async def run(self) -> None:
        """Look for what is due, for ever. Not all processes at the same time, and none while it starts."""
        await asyncio.sleep(_LOOK_EVERY * (50 + secrets.randbelow(50)) / 100)
        while True:
            await asyncio.to_thread(self.do_due)
            await asyncio.sleep(_LOOK_EVERY)

    def do_due(self) -> Mapping[str, Sequence[str]]:
        """Do what is due and free, and return what was done by task. A task that fails is tried again soon."""
        done = {}
        for task in self.tasks:
            try:
                with self.database.leases() as leases:
                    taken = leases.take(task.name, self.holder, every=task.every, now=self.now())
                if taken:
                    done[task.name] = self._do(task)
            except Unavailable:
                break  # said where it was noticed
        return done

    def _do(self, task: Task) -> Sequence[str]:
        lines: Sequence[str] = ()
        done_at = None
        try:
            lines = task.act(self.now())
            done_at = self.now()
        except Exception:  # noqa: BLE001 - the others must be done, and it is recorded
            _log.exception("upkeep: %s failed", task.name)
        due_at = self.now() + (task.every if done_at is not None else RETRY)
        with self.database.leases() as leases:
            leases.give_back(task.name, self.holder, due_at=due_at, done_at=done_at)
        for line in lines:
            _log.info("upkeep: %s: %s", task.name, line)
        return lines
