"""Gauges that no request moves: read every 15 seconds in each process, so that a scrape costs no statement.

Policy: ADR-0079
Connections add up over the workers; ages and depths are the same for all, and the newest reading counts.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import Gauge

from shared.errors import Unavailable

_EVERY = 15  # seconds
_NEWEST: Final = "livemostrecent"
_log = logging.getLogger(__name__)

_CONNECTIONS = Gauge(
    "auth_database_connections", "Pooled connections, by state", ["state"], multiprocess_mode="livesum"
)
_KEY_AGE = Gauge(
    "auth_signing_key_age_seconds", "Since the oldest key came into its state", ["state"], multiprocess_mode=_NEWEST
)
_SEEN_AGE = Gauge(
    "auth_published_age_seconds",
    "Since key set and status lists were last compared with the database",
    multiprocess_mode="livemax",
)
_NOTICES = Gauge("auth_logout_notices_waiting", "Notices that are still to be delivered", multiprocess_mode=_NEWEST)
_OLDEST_NOTICE = Gauge("auth_logout_notices_oldest_seconds", "Age of the oldest of them", multiprocess_mode=_NEWEST)
_UPKEEP_AGE = Gauge(
    "auth_upkeep_age_seconds", "Since a task by the clock was last done", ["task"], multiprocess_mode=_NEWEST
)
_STATES = ("announced", "active", "retired")


@dataclass(frozen=True)
class Readings:
    """What the database says. `keys`: since when the oldest of a state is in it; `tasks`: when each was last done."""

    keys: Mapping[str, datetime]
    notices: int
    oldest_notice: datetime | None
    tasks: Mapping[str, datetime]


@dataclass(frozen=True)
class Gauges:
    """Reads and sets. `look` brings key set and lists up to date and returns when they last were."""

    now: Callable[[], datetime]
    read: Callable[[], Readings]
    look: Callable[[datetime], datetime | None]
    connections: Callable[[], Mapping[str, int]]

    async def run(self) -> None:
        """Set them for ever."""
        while True:
            try:
                await asyncio.to_thread(self.set)
            except Unavailable:
                pass  # said where it was noticed; the ages go on when it is back
            except Exception:  # noqa: BLE001 - the task must outlive what nobody foresaw, and it is recorded
                _log.exception("the gauges could not be set")
            await asyncio.sleep(_EVERY)

    def set(self) -> None:
        """Set them once.

        Raises:
            Unavailable: the database does not answer.
        """
        now = self.now()
        for state, count in self.connections().items():
            _CONNECTIONS.labels(state).set(count)
        seen_at = self.look(now)
        if seen_at is not None:
            _SEEN_AGE.set(max(0.0, (now - seen_at).total_seconds()))
        found = self.read()
        for state in _STATES:
            since = found.keys.get(state)
            _KEY_AGE.labels(state).set(0 if since is None else _age(since, now))
        _NOTICES.set(found.notices)
        _OLDEST_NOTICE.set(0 if found.oldest_notice is None else _age(found.oldest_notice, now))
        for task, done_at in found.tasks.items():
            _UPKEEP_AGE.labels(task).set(_age(done_at, now))


def _age(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
