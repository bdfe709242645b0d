"""The status lists of a fake issuer: bits that a test sets, signed as the provider signs them, or wrongly.

Spec: draft-ietf-oauth-status-list-17 s4.1, s5.1
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from shared.bearer.status.status_list import SHARD_SIZE, VERSION_CLAIM
from shared.clock import epoch
from shared.testing.keys import base64url, public_jwk, sign


@dataclass
class FakeShard:
    """One shard: its bits, and the version that every change moves."""

    version: int
    bits: bytearray = field(default_factory=lambda: bytearray(SHARD_SIZE // 8))


@dataclass
class FakeStatuses:
    """All shards. `claims`, `header` and `without` bend every list that is signed from now on; `key` signs in place
    of the issuer's own.
    """

    url: str
    ttl: timedelta = timedelta(seconds=15)
    lifetime: timedelta = timedelta(seconds=60)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    key: rsa.RSAPrivateKey | None = None
    shards: dict[int, FakeShard] = field(default_factory=dict)

    def claim(self, index: int, shard: int = 0) -> dict[str, Any]:
        """Return the `status` claim of a token with that reference."""
        return {"status_list": {"idx": index, "uri": f"{self.url}/status/{shard}"}}

    def set(self, claims: Mapping[str, Any], now: datetime, *, revoked: bool = True) -> None:
        """Set the bit of the reference that a token's claims name; the shard's version moves as the provider's does."""
        reference = claims["status"]["status_list"]
        shard = self.shard(int(reference["uri"].rpartition("/")[2]), now)
        byte, bit = reference["idx"] >> 3, 1 << (reference["idx"] & 7)
        shard.bits[byte] = shard.bits[byte] | bit if revoked else shard.bits[byte] & ~bit
        shard.version = max(shard.version + 1, _milliseconds(now))

    def shard(self, number: int, now: datetime) -> FakeShard:
        """Return the shard of that number; one not named before is empty."""
        return self.shards.setdefault(number, FakeShard(_milliseconds(now)))

    def signed(self, number: int, own_key: rsa.RSAPrivateKey, now: datetime) -> str:
        """Return the shard as a token of this moment."""
        shard, key = self.shard(number, now), self.key or own_key
        claims = {
            "sub": f"{self.url}/status/{number}",
            "iat": epoch(now),
            "exp": epoch(now + self.lifetime),
            "ttl": int(self.ttl.total_seconds()),
            VERSION_CLAIM: shard.version,
            "status_list": {"bits": 1, "lst": base64url(zlib.compress(bytes(shard.bits)))},
            **self.claims,
        }
        header = {"typ": "statuslist+jwt", "alg": "RS256", "kid": public_jwk(key)["kid"], **self.header}
        for name in self.without:
            claims.pop(name, None)
            header.pop(name, None)
        return sign(header, claims, key)


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)
