"""A process's copy of what all replicas share: the key set that it signs with, and the versions of the status lists.

Policy: ADR-0015, ADR-0017
A replica asks once a second, at a request that needs it, in one statement: has the key set or a shard moved? What
moved is loaded before that request is answered. So another process's revocation or rotation is seen within a second.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from services.auth.keys.key_ring import KeyRing
from services.auth.keys.key_set import PUBLISHED, open_key_set
from services.auth.keys.signer import Signer
from services.auth.keys.signing_key import StoredSigningKey
from services.auth.stores import AuthDatabase
from shared.errors import ConfigurationError, Unavailable

_log = logging.getLogger(__name__)

#: After a refresh that failed: how long until the next one, and for how long the copy still counts as recent.
_RETRY = timedelta(seconds=5)


class MachineStatusCache(Protocol):
    """Holds the status references of machine clients, which must be read anew when one was taken away."""

    def forget_machine_statuses(self) -> None: ...


class Replica:
    """The key set in use (by way of `signer`) and the version of each shard. Threads share it."""

    def __init__(
        self,
        database: AuthDatabase,
        signer: Signer,
        ring: KeyRing,
        *,
        interval: timedelta,
        machine_statuses: MachineStatusCache,
    ) -> None:
        """`interval`: between two refreshes."""
        self._database = database
        self._signer = signer
        self._ring = ring
        self._interval = interval
        self._machine_statuses = machine_statuses
        self._refreshing = threading.Lock()
        self._tried_at: datetime | None = None
        self._wait = timedelta(0)
        self._refreshed_at: datetime | None = None
        self._key_set_version: int | None = None
        self._shards: Mapping[int, int] = {}
        self._machine_shards: Mapping[int, int] = {}

    def due(self, now: datetime) -> bool:
        """Report whether it is time to refresh."""
        tried_at = self._tried_at
        return tried_at is None or not timedelta(0) <= now - tried_at < self._wait

    def refresh(self, now: datetime) -> None:
        """Read what moved, unless that was done within the interval or another request is doing it.

        Opens the database: never to be called while it is open. While it is away all stays as it is.
        """
        # Without a recent copy a request waits for the refresh that is under way; others go on with what there is.
        recent = self.is_recent(now)
        if (recent and not self.due(now)) or not self._refreshing.acquire(blocking=not recent):
            return
        try:
            if self.due(now):
                self._refresh(now)
        finally:
            self._refreshing.release()

    def is_recent(self, now: datetime) -> bool:
        """Report whether the copy is young enough to sign a new list from."""
        # either way: a refresh that was waited for began after the request that waited
        refreshed_at = self._refreshed_at
        return refreshed_at is not None and abs(now - refreshed_at) < self._interval + _RETRY

    def refreshed_at(self, now: datetime) -> datetime | None:
        """Refresh, and return when that last succeeded; None: never yet."""
        self.refresh(now)
        return self._refreshed_at

    def require_keys(self, now: datetime) -> None:
        """Return if there is a key to sign with.

        Raises:
            Unavailable: the active one can't be opened, and the last one was dropped.
        """
        self.refresh(now)
        self._signer.require_keys()

    def shard_version(self, shard: int) -> int | None:
        """Return the version of a shard; None: there is no such shard."""
        return self._shards.get(shard)

    def _refresh(self, now: datetime) -> None:
        self._tried_at, self._wait = now, _RETRY
        try:
            with self._database.autocommit() as stores:
                versions = stores.publications.versions()
                moved = versions.key_set != self._key_set_version
                keys = stores.signing_keys.known() if moved else []
        except Unavailable:
            return  # logged where it was noticed
        if moved:
            self._use(keys, versions.key_set)
        if versions.machine_shards != self._machine_shards:
            self._machine_statuses.forget_machine_statuses()
        self._shards, self._machine_shards = versions.shards, versions.machine_shards
        self._refreshed_at, self._wait = now, self._interval

    def _use(self, keys: Sequence[StoredSigningKey], version: int) -> None:
        """Sign with the active one of these keys. One that can't be opened is tried again at the next refresh.

        Until then the last set goes on, if the key that it signs with is still published; one that was dropped may be
        stolen, and signs no more.
        """
        before = self._signer.held
        try:
            self._signer.use(open_key_set(keys, self._ring, before))
            self._key_set_version = version
        except ConfigurationError as error:
            _log.error("the new key set cannot be used: %s", error)
            if before is not None and before.active.kid not in {key.kid for key in keys if key.state in PUBLISHED}:
                self._signer.use(None)
