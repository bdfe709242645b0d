"""What a process of auth does beside its requests, put together from storage and the features.

Policy: ADR-0077
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from services.auth.endpoints.web.context import AuthContext
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.rotation import RotationPolicy, keep
from services.auth.settings import AuthSettings
from services.auth.storage import SqlAuthDatabase, readings
from services.auth.storage.purge import purge_all
from services.auth.storage.upkeep_tasks import SqlLeaseDatabase
from services.auth.upkeep.lease import LEASE, Task, Upkeep
from services.auth.upkeep.readings import Gauges, Readings
from shared.clock import Clock
from shared.database import Database

#: Each step of a rotation waits for its moment; this is how late it may be.
_KEYS_EVERY = timedelta(seconds=30)


@asynccontextmanager
async def running(context: AuthContext, database: Database, encryption: KeyRing) -> AsyncIterator[None]:
    """Do all of it while the block runs. What is under way at the end is due again soon, here or elsewhere."""
    work = [
        context.logout_delivery.run(),
        context.ledger.tell_in_time(),
        gauges(context, database).run(),
    ]
    if context.mail_delivery is not None:
        work.append(context.mail_delivery.run())
    if context.settings.upkeep:
        work.append(upkeep(context.settings, database, encryption, context.clock).run())
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def gauges(context: AuthContext, database: Database) -> Gauges:
    """Return what sets the gauges of this process."""

    def read() -> Readings:
        with database.autocommit() as connection:
            return readings.read(connection)

    return Gauges(context.clock.now, read, context.replica.refreshed_at, database.connections)


def upkeep(settings: AuthSettings, database: Database, encryption: KeyRing, clock: Clock) -> Upkeep:
    """Return what purges and rotates."""

    def purge(now: datetime) -> Sequence[str]:
        done = purge_all(database, settings, now, within=LEASE / 4)
        return [f"{kind}: {count} deleted" for kind, count in done.items() if count]

    def keep_keys(now: datetime) -> Sequence[str]:
        with SqlAuthDatabase(database).transaction() as stores:
            return keep(stores, encryption, RotationPolicy.of(settings), settings.signing_key_rotate_after, now)

    tasks = (Task("keys", _KEYS_EVERY, keep_keys), Task("purge", settings.purge_interval, purge))
    return Upkeep(SqlLeaseDatabase(database), tasks, clock.now)
