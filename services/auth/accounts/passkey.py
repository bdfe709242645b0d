"""Passkeys: the public keys of credentials that users hold, and the challenges that are put to them.

Spec: WebAuthn Level 3 s4 (credential record); Policy: ADR-0110
A challenge is used once, for five minutes, by whoever it was made for: a waiting request or a session. A public key is
no secret, so a row is not sealed; a row whose credential was copied (its count went back) signs nobody in any more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.auth.opaque_token import digest

CHALLENGE_LIFETIME = timedelta(minutes=5)
#: Passkeys that one user may have.
MOST_PASSKEYS = 20
#: Bytes of the longest credential id (WebAuthn s4), and characters of a passkey's name.
LONGEST_ID, LONGEST_NAME = 1023, 60


@dataclass(frozen=True, repr=False)
class Passkey:
    """One row. `demanded`: its user added it on purpose, so that a password alone signs in no more.

    `backed_up`: it is synced, and outlives its device. `sign_count`: 0 where the authenticator does not count.
    `copied_at`: its count went back, so that somebody else holds it too.
    """

    id: UUID
    user_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    name: str
    demanded: bool
    backup_eligible: bool
    backed_up: bool
    created_at: datetime
    last_used_at: datetime | None = None
    copied_at: datetime | None = None


@dataclass(frozen=True)
class PasskeyUse:
    """What a successful use changes."""

    sign_count: int
    backed_up: bool
    at: datetime


class Passkeys(Protocol):
    """The port that storage implements. Every statement but the one that begins a sign-in names the user."""

    def find_by_credential(self, credential_id: bytes) -> Passkey | None:
        """Find whose it is: all that a passwordless sign-in knows."""
        ...

    def of_user(self, user_id: UUID) -> list[Passkey]:
        """Return all of a user, the oldest first."""
        ...

    def add(self, passkey: Passkey) -> bool:
        """Insert it; False when somebody has this credential already."""
        ...

    def use(self, passkey: Passkey, use: PasskeyUse) -> bool:
        """Note a use in one conditional statement; False when the row has changed since it was read."""
        ...

    def mark_copied(self, passkey: Passkey, now: datetime) -> None: ...

    def rename(self, user_id: UUID, passkey_id: UUID, name: str) -> bool: ...

    def remove(self, user_id: UUID, passkey_id: UUID) -> bool:
        """Delete one; False when the user has no such."""
        ...

    def remove_all(self, user_id: UUID) -> bool:
        """Delete all of a user; False when there are none."""
        ...


class Purpose(StrEnum):
    """What an answer to a challenge does."""

    SIGN_IN = "sign_in"
    SECOND_FACTOR = "second_factor"
    REGISTRATION = "registration"
    CONDITIONAL = "conditional"


@dataclass(frozen=True)
class ChallengeOwner:
    """For whom a challenge is: `place` is the digest of a waiting request's handle or of a session's cookie."""

    purpose: Purpose
    place: bytes

    @property
    def key(self) -> bytes:
        return digest(f"{self.purpose}:{self.place.hex()}")


class PasskeyChallenges(Protocol):
    """The port that storage implements."""

    def put(self, owner: ChallengeOwner, challenge: bytes, now: datetime) -> None:
        """Keep it for `CHALLENGE_LIFETIME`; it takes the place of the owner's last one."""
        ...

    def use(self, owner: ChallengeOwner, challenge: bytes, now: datetime) -> bool:
        """Use it up, in one statement; False when it is not the owner's, expired or used before."""
        ...
