"""What this process publishes: the key set that it signs with, and the signed status lists.

Policy: ADR-0015, ADR-0017; Spec: draft-ietf-oauth-status-list-17 s5.1
A replica looks once a second, at a request that needs it, in one statement: has the key set or a shard moved? What
moved is loaded before it is answered. So another process's revocation or rotation is seen within that second.
"""

import hashlib
import logging
import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.auth.keys.key_ring import KeyRing
from services.auth.keys.key_set import PUBLISHED, open_key_set
from services.auth.keys.signer import Signer
from services.auth.keys.signing_key import StoredSigningKey
from services.auth.opaque_token import b64url
from services.auth.stores import AuthDatabase
from services.auth.tokens.status_list import STATUS_LIST_TYP, VERSION_CLAIM, status_list_uri
from shared.clock import epoch
from shared.errors import ConfigurationError, Unavailable

_log = logging.getLogger(__name__)

#: After a look that failed: how long until the next one, and for how long the last good one vouches for a new list.
_RETRY = timedelta(seconds=5)


@dataclass(frozen=True)
class ListPolicy:
    """How often to look; what a list says of its own age: fetch it again after `ttl`, believe it for `lifetime`."""

    look_interval: timedelta
    ttl: timedelta
    lifetime: timedelta


@dataclass(frozen=True, repr=False)
class SignedList:
    """One shard, signed: `body` is what /status answers."""

    version: int
    kid: str
    issued_at: datetime
    bits: bytes
    body: bytes
    etag: str


class MachineEnds(Protocol):
    """Who keeps the places of machine clients, and must look for them anew when one was taken away."""

    def forget_machine_places(self) -> None: ...


class Published:
    """The key set in use (by way of `signer`) and the lists. Threads share it."""

    def __init__(
        self,
        database: AuthDatabase,
        signer: Signer,
        ring: KeyRing,
        *,
        issuer: str,
        policy: ListPolicy,
        machine_ends: MachineEnds,
    ) -> None:
        self._database = database
        self._signer = signer
        self._ring = ring
        self._issuer = issuer
        self._policy = policy
        self._machine_ends = machine_ends
        self._looking, self._signing = threading.Lock(), threading.Lock()
        self._looked_at: datetime | None = None
        self._wait = timedelta(0)
        self._seen_at: datetime | None = None
        self._key_set_version: int | None = None
        self._shards: Mapping[int, int] = {}
        self._machine_shards: Mapping[int, int] = {}
        self._lists: dict[int, SignedList] = {}

    def due(self, now: datetime) -> bool:
        """Report whether it is time to look again."""
        looked_at = self._looked_at
        return looked_at is None or not timedelta(0) <= now - looked_at < self._wait

    def look(self, now: datetime) -> None:
        """See what moved, unless that was done within the interval or another request is at it.

        Opens the database: never to be called while it is open. While it is away all stays as it is.
        """
        # Who has nothing recent to go by waits for the look that is under way; others go on with what they have.
        recent = self._seen_lately(now)
        if (recent and not self.due(now)) or not self._looking.acquire(blocking=not recent):
            return
        try:
            if self.due(now):
                self._look(now)
        finally:
            self._looking.release()

    def seen_at(self, now: datetime) -> datetime | None:
        """Look, and return when that last succeeded; None: never yet."""
        self.look(now)
        return self._seen_at

    def demand_keys(self, now: datetime) -> None:
        """Return if there is a key to sign with.

        Raises:
            Unavailable: the active one can't be opened, and the last one was dropped.
        """
        self.look(now)
        self._signer.require_keys()

    def status_list(self, shard: int, now: datetime) -> SignedList | None:
        """Return the signed list of a shard; None: there is no such shard.

        Raises:
            Unavailable: the database is away, and the list that is held has expired; or there is no key to sign with.
        """
        self.look(now)
        if self._seen_at is None:
            raise Unavailable("the status lists could not be read yet")
        if shard not in self._shards:
            return None
        held = self._lists.get(shard)
        if held is not None and self._is_current(shard, held, now):
            return held
        if not self._seen_lately(now):
            return self._expiring(held, now)
        with self._signing:
            held = self._lists.get(shard)
            if held is None or not self._is_current(shard, held, now):
                held = self._lists[shard] = self._sign(shard, held, now)
        return held

    def _seen_lately(self, now: datetime) -> bool:
        # either way: a look that was waited for began after the request that waited
        seen_at = self._seen_at
        return seen_at is not None and abs(now - seen_at) < self._policy.look_interval + _RETRY

    def _look(self, now: datetime) -> None:
        self._looked_at, self._wait = now, _RETRY
        try:
            with self._database.autocommit() as stores:
                versions = stores.publications.versions()
                moved = versions.key_set != self._key_set_version
                keys = stores.signing_keys.known() if moved else []
        except Unavailable:
            return  # said in the log where it was noticed
        if moved:
            self._use(keys, versions.key_set)
        if versions.machine_shards != self._machine_shards:
            self._machine_ends.forget_machine_places()
        self._shards, self._machine_shards = versions.shards, versions.machine_shards
        self._seen_at, self._wait = now, self._policy.look_interval

    def _use(self, keys: Sequence[StoredSigningKey], version: int) -> None:
        """Sign with the active one of these keys. One that can't be opened is tried again at the next look.

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

    def _is_current(self, shard: int, held: SignedList, now: datetime) -> bool:
        """Signed anew at each version, at a key change, and at half its life."""
        young = timedelta(0) <= now - held.issued_at < self._policy.lifetime / 2
        return young and held.version >= self._shards[shard] and held.kid == self._signer.key_set.active.kid

    def _expiring(self, held: SignedList | None, now: datetime) -> SignedList:
        """Return a list that can't be renewed for as long as it is good: nobody may be told that nothing was ended."""
        if held is None or not held.issued_at <= now < held.issued_at + self._policy.lifetime:
            raise Unavailable("the status lists can't be read")
        return held

    def _sign(self, shard: int, held: SignedList | None, now: datetime) -> SignedList:
        if held is not None and held.version >= self._shards[shard]:
            version, bits = held.version, held.bits
        else:
            with self._database.autocommit() as stores:
                version, bits = stores.publications.shard(shard)
        claims = {
            "iss": self._issuer,
            "sub": status_list_uri(self._issuer, shard),
            "iat": epoch(now),
            "exp": epoch(now + self._policy.lifetime),
            "ttl": int(self._policy.ttl.total_seconds()),
            "status_list": {"bits": 1, "lst": b64url(zlib.compress(bits, 9))},
            VERSION_CLAIM: version,
        }
        kid, signed = self._signer.sign_naming_key(claims, typ=STATUS_LIST_TYP)
        body = signed.encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return SignedList(version, kid, now, bits, body, etag)
