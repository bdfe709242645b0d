"""The signed status lists: each shard is signed when it is asked for, and kept while it is current.

Policy: ADR-0015; Spec: draft-ietf-oauth-status-list-17 s5.1
"""

import hashlib
import threading
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.auth.cache.replica import Replica
from services.auth.keys.signer import Signer
from services.auth.opaque_token import b64url
from services.auth.stores import AuthDatabase
from services.auth.tokens.status_list import STATUS_LIST_TYP, VERSION_CLAIM, status_list_uri
from shared.clock import epoch
from shared.errors import Unavailable


@dataclass(frozen=True, repr=False)
class SignedList:
    """One shard, signed: `body` is what /status answers."""

    version: int
    kid: str
    issued_at: datetime
    bits: bytes
    body: bytes
    etag: str


class SignedLists:
    """Signs the shards of `replica`. Threads share it."""

    def __init__(
        self,
        database: AuthDatabase,
        replica: Replica,
        signer: Signer,
        *,
        issuer: str,
        ttl: timedelta,
        lifetime: timedelta,
    ) -> None:
        """`ttl`: after which an API fetches a list again; `lifetime`: for which it may believe one."""
        self._database = database
        self._replica = replica
        self._signer = signer
        self._issuer = issuer
        self._ttl = ttl
        self._lifetime = lifetime
        self._signing = threading.Lock()
        self._held: dict[int, SignedList] = {}

    def get(self, shard: int, now: datetime) -> SignedList | None:
        """Return the signed list of a shard; None: there is no such shard.

        Raises:
            Unavailable: the database is away, and the list that is held has expired; or there is no key to sign with.
        """
        if self._replica.refreshed_at(now) is None:
            raise Unavailable("the status lists could not be read yet")
        version = self._replica.shard_version(shard)
        if version is None:
            return None
        held = self._held.get(shard)
        if held is not None and self._is_current(held, version, now):
            return held
        if not self._replica.is_recent(now):
            return self._expiring(held, now)
        with self._signing:
            held = self._held.get(shard)
            if held is None or not self._is_current(held, version, now):
                held = self._held[shard] = self._sign(shard, version, held, now)
        return held

    def _is_current(self, held: SignedList, version: int, now: datetime) -> bool:
        """A list is signed anew at each version, at a key change, and at half its life."""
        young = timedelta(0) <= now - held.issued_at < self._lifetime / 2
        return young and held.version >= version and held.kid == self._signer.key_set.active.kid

    def _expiring(self, held: SignedList | None, now: datetime) -> SignedList:
        """Return a list that can't be renewed for as long as it is good: nobody may be told that nothing was ended."""
        if held is None or not held.issued_at <= now < held.issued_at + self._lifetime:
            raise Unavailable("the status lists can't be read")
        return held

    def _sign(self, shard: int, version: int, held: SignedList | None, now: datetime) -> SignedList:
        if held is not None and held.version >= version:
            version, bits = held.version, held.bits
        else:
            with self._database.autocommit() as stores:
                version, bits = stores.publications.shard(shard)
        claims = {
            "iss": self._issuer,
            "sub": status_list_uri(self._issuer, shard),
            "iat": epoch(now),
            "exp": epoch(now + self._lifetime),
            "ttl": int(self._ttl.total_seconds()),
            "status_list": {"bits": 1, "lst": b64url(zlib.compress(bits, 9))},
            VERSION_CLAIM: version,
        }
        kid, signed = self._signer.sign_naming_key(claims, typ=STATUS_LIST_TYP)
        body = signed.encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return SignedList(version, kid, now, bits, body, etag)
