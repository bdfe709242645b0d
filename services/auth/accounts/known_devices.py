"""Known devices: the browsers that have signed in as a user before. Each has a secret that was minted for that alone.

Policy: ADR-0007, ADR-0074
A secret is new at every completed sign-in; the one before is good for a day longer, for an answer that was lost. A
browser of several users has one for each. What we never minted is nobody's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.auth.opaque_token import LENGTH, digest, mint_opaque_token

#: How long a browser is known after its last complete sign-in, and after its secret was replaced.
DEVICE_LIFETIME = timedelta(days=400)
GRACE = timedelta(days=1)
#: Browsers that one user is known in (the oldest is forgotten), and users that one browser keeps secrets of.
MOST_DEVICES = 20
MOST_USERS = 5

_BETWEEN = "."
#: Characters of the longest device cookie of ours.
LONGEST_COOKIE = MOST_USERS * (LENGTH + 1) - 1


class KnownDevices(Protocol):
    """The port that storage implements. Rows that have expired count for nothing."""

    def find(self, device_hashes: Sequence[bytes], username: str, now: datetime) -> bytes | None:
        """Return which of these is of the user with this name. The same statement for every name and number."""
        ...

    def owners(self, device_hashes: Sequence[bytes], now: datetime) -> dict[bytes, UUID]:
        """Return whose each of these is, without those that are nobody's."""
        ...

    def remember(self, device_hash: bytes, user_id: UUID, *, expires_at: datetime, now: datetime) -> None:
        """Add one, and forget the user's oldest past `MOST_DEVICES`."""
        ...

    def expire(self, device_hashes: Sequence[bytes], user_id: UUID, *, at: datetime) -> None:
        """Let these of the user end at that moment, if they would not end before."""
        ...

    def forget(self, user_id: UUID) -> None:
        """Forget every browser that this user has signed in with."""
        ...


@dataclass(frozen=True)
class DeviceSecrets:
    """What one browser brought, newest first."""

    values: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of_cookie(cls, cookie: str | None) -> "DeviceSecrets":
        """Read a cookie; a part that cannot be ours is left out."""
        parts = (cookie or "")[: LONGEST_COOKIE + 1].split(_BETWEEN)[:MOST_USERS]
        return cls(tuple(part for part in parts if len(part) == LENGTH))

    @property
    def hashes(self) -> tuple[bytes, ...]:
        return tuple(digest(value) for value in self.values)

    def renewed(self, devices: KnownDevices, user_id: UUID, now: datetime) -> str:
        """Mint this browser's secret of a user who has just signed in, and return the cookie: it and the others'."""
        owners = devices.owners(self.hashes, now)
        replaced = [device_hash for device_hash, owner in owners.items() if owner == user_id]
        kept = [value for value in self.values if owners.get(digest(value), user_id) != user_id]
        devices.expire(replaced, user_id, at=now + GRACE)
        minted = mint_opaque_token()
        devices.remember(digest(minted), user_id, expires_at=now + DEVICE_LIFETIME, now=now)
        return _BETWEEN.join([minted, *kept][:MOST_USERS])
