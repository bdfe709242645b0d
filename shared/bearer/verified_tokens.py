"""Tokens that were verified, and for how long each verdict holds: the memory of one verifier, bounded by bytes.

Policy: ADR-0041. The least recently used goes first. Tokens are known by their SHA-256, so that a dump of the memory
gives none away; what many tokens have in common (client, scopes, groups, roles, acr) is held once.
"""

import sys
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.bearer.principal import Principal

#: What a memory may take, unless it is told: some 20,000 tokens of the suite's provider (docs/bearer.md).
DEFAULT_BYTES = 32 * 1024 * 1024
#: What a token takes beside its own texts and claims: the entry, the digest, moments, place. Measured, rounded up.
_ENTRY = 1024
#: Different values that are held once; beyond, each token holds its own.
_MAX_SHARED = 4096

T = TypeVar("T", bound=Hashable)


class VerifiedTokens:
    """Principals by the digest of their token. Belongs to one event loop."""

    def __init__(self, leeway: timedelta, limit: int) -> None:
        """`leeway`: what clocks may differ by; `limit`: bytes that all entries may take together."""
        self._leeway = leeway
        self._limit = limit
        self._entries: OrderedDict[bytes, tuple[Principal, datetime, datetime, int]] = OrderedDict()
        self._shared: dict[Hashable, Hashable] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """Return how many tokens are remembered."""
        return len(self._entries)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the digests, the least recently used first."""
        return iter(self._entries)

    def find(self, digest: bytes, now: datetime) -> Principal | None:
        """Return the principal of a token whose times are as right as when it was verified; else None."""
        if (entry := self._entries.get(digest)) is None:
            return None
        principal, good_from, good_until, _ = entry
        if not good_from <= now < good_until:
            self._drop(digest)
            return None
        self._entries.move_to_end(digest)
        return principal

    def remember(self, digest: bytes, principal: Principal) -> Principal:
        """Keep a verdict, drop older ones if they take too much together, and return the principal as it is kept."""
        self._drop(digest)
        shared = self._with_shared_values(principal)
        good_from = (principal.not_before or principal.issued_at) - self._leeway
        size = _ENTRY + _size(principal)
        self._entries[digest] = shared, good_from, principal.expires_at + self._leeway, size
        self._bytes += size
        while self._bytes > self._limit and self._entries:
            self._drop(next(iter(self._entries)))
        return shared

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self._shared.clear()
        self._bytes = 0

    def _drop(self, digest: bytes) -> None:
        if (entry := self._entries.pop(digest, None)) is not None:
            self._bytes -= entry[3]

    def _with_shared_values(self, principal: Principal) -> Principal:
        return replace(
            principal,
            client_id=self._once(principal.client_id),
            scopes=self._once(principal.scopes),
            groups=self._once(principal.groups),
            roles=self._once(principal.roles),
            acr=self._once(principal.acr),
        )

    def _once(self, value: T) -> T:
        if len(self._shared) >= _MAX_SHARED:
            self._shared.clear()
        return self._shared.setdefault(value, value)  # type: ignore[return-value] # equal, so of the same type


def _size(principal: Principal) -> int:
    """Return the bytes of what belongs to this token alone."""
    return sum(map(sys.getsizeof, (principal.subject, principal.token_id, principal.sid))) + _deep(principal.claims)


def _deep(value: Any) -> int:
    if isinstance(value, dict):
        return sys.getsizeof(value) + sum(_deep(name) + _deep(member) for name, member in value.items())
    if isinstance(value, list):
        return sys.getsizeof(value) + sum(map(_deep, value))
    return sys.getsizeof(value)
