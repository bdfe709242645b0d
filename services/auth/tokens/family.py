"""The family: one sign-in of one app install, the chain of its refresh tokens in a single row.

Policy: ADR-0009; Spec: RFC 9700 s4.14, OAuth 2.1 s4.3
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.auth.audit import AuditEvent, AuditTrail, Origin
from services.auth.tokens.authorization import Authorization
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.status_list import StatusReference, StatusShards


@dataclass(frozen=True, repr=False)
class Grant:
    """A family as a token is made of it at this moment.

    `roles` and `team` are the user's of now, not those of the sign-in. `status`: the family's bit.
    """

    family_id: UUID
    authorization: Authorization
    generation: int
    mac_kid: bytes
    roles: tuple[str, ...]
    team: str | None
    status: StatusReference


@dataclass(frozen=True, repr=False)
class NewFamily:
    """What a redeemed code founds a family with. `seed_hash`: SHA-256 of the seed that every token of it carries."""

    id: UUID
    authorization: Authorization
    seed_hash: bytes
    mac_kid: bytes
    origin: Origin
    idle_expires_at: datetime
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, repr=False)
class FamilyState:
    """The part of the row that decides about a token that neither rotation nor retry took.

    `enabled`: neither its user nor its client is disabled.
    """

    id: UUID
    authorization: Authorization
    seed_hash: bytes
    generation: int
    rotated_at: datetime
    moved: bool
    streak: int
    steady: int
    idle_expires_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    enabled: bool
    status: StatusReference

    def live(self, now: datetime) -> bool:
        """Report whether tokens of this family may still be used."""
        return self.enabled and self.revoked_at is None and now < self.idle_expires_at and now < self.expires_at


@dataclass(frozen=True)
class EndedFamily:
    """A family that was ended together with others."""

    id: UUID
    client_id: str
    user_id: UUID
    session_id: UUID
    status: StatusReference


@dataclass(frozen=True)
class Belonging:
    """Which families: those of this client, user and browser session, as far as given; at least one is.

    `family_id`: this one alone. `not_session_id`: without those of this session.
    """

    client_id: str | None = None
    user_id: UUID | None = None
    session_id: UUID | None = None
    web_only: bool = False
    family_id: UUID | None = None
    not_session_id: UUID | None = None


@dataclass(frozen=True, repr=False)
class Presented:
    """A refresh token whose MAC is good, as the client presented it. `jkt`: the key that it proved to hold."""

    family_id: UUID
    generation: int
    seed_hash: bytes
    client_id: str
    jkt: str | None
    origin: Origin


@dataclass(frozen=True, repr=False)
class Retried:
    """A retry that was answered. `rotated_from`: the network of the rotation, if another agent retries it."""

    grant: Grant
    rotated_from: str | None


class Families(Protocol):
    """The port that storage implements. Each method but `add` and `revoke_all` is one statement."""

    def add(self, family: NewFamily) -> StatusReference:
        """Insert it with a reference in the status list, drawn at random among the free, and return that."""
        ...

    def find(self, family_id: UUID) -> FamilyState | None: ...

    def rotate(
        self,
        presented: Presented,
        *,
        mac_kid: bytes,
        idle_expires_at: datetime,
        streak_limit: int,
        steady_limit: int,
        now: datetime,
    ) -> Grant | None:
        """Move the family on from the presented generation, if that is the live one and the key is the family's.

        A rotation whose predecessor another agent retried adds to the streak; `steady_limit` rotations in a row without
        such a retry end it, and at `streak_limit` nothing is rotated any more.
        """
        ...

    def retry(self, presented: Presented, *, window: timedelta, now: datetime) -> Retried | None:
        """Count a retry, if the presented generation is the one before the live one and the window is open.

        One from another agent than the rotation's marks the family as moved. A network tells nothing about a phone.
        A family that is bound to a key has no window, and no suspicion: whoever retries has the key.
        """
        ...

    def fast_forward(self, family_id: UUID, *, read: int, to: int) -> bool:
        """Raise the generation from `read` to `to`; False when it isn't `read` any more."""
        ...

    def revoke(self, family_id: UUID, *, reason: EndReason, now: datetime, generation: int | None = None) -> bool:
        """End the row; False when it was ended before, or when `generation` is given and isn't the live one.

        Flips no bit: `end_family` does both.
        """
        ...

    def revoke_all(self, which: Belonging, *, reason: EndReason, now: datetime) -> list[EndedFamily]:
        """End the rows of all that aren't yet, locked in the order of their ids. Flips no bit."""
        ...


class ReuseNotices(Protocol):
    """The port that mail implements."""

    def reuse_detected(self, user_id: UUID, origin: Origin, now: datetime) -> None:
        """Tell a user that a sign-in of theirs was ended, in the transaction that ends it."""
        ...


class FamilyStores(Protocol):
    """What ends write to."""

    @property
    def families(self) -> Families: ...

    @property
    def status_shards(self) -> StatusShards: ...

    @property
    def audit(self) -> AuditTrail: ...


class RotationStores(FamilyStores, Protocol):
    """What rotations write to besides."""

    @property
    def notices(self) -> ReuseNotices: ...


class FamilyDatabase(Protocol):
    """Opens the stores, on single durable statements or in one transaction."""

    def autocommit(self) -> AbstractContextManager[RotationStores]: ...

    def transaction(self) -> AbstractContextManager[RotationStores]: ...


def end_family(
    stores: FamilyStores,
    family: FamilyState,
    *,
    reason: EndReason,
    origin: Origin | None,
    now: datetime,
    generation: int | None = None,
) -> bool:
    """End a family, set its status bit and record it. Every path that ends a single one comes through here.

    In a transaction: row, bit and record are written together or not at all.
    Returns: False when it was ended before, or is no more at `generation`.
    """
    if not stores.families.revoke(family.id, reason=reason, now=now, generation=generation):
        return False
    stores.status_shards.revoke([family.status], now)
    stores.audit.record(
        AuditEvent(
            reason,
            now,
            user_id=family.authorization.user_id,
            client_id=family.authorization.client_id,
            session_id=family.authorization.session_id,
            family_id=family.id,
            origin=origin,
        )
    )
    return True
