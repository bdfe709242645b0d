"""The life of a signing key: announced, active, retired, removed. Each step is taken when it is due, in any process.

Policy: ADR-0017
Announced and retired keys are in the JWKS and sign nothing, so an API meets no signature of a key that it could not
have fetched, and loses none that a live token needs. A removed key is kept a year without its private half, for
id_token_hint alone.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from services.auth.audit import AuditEvent, AuditTrail
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.signing_key import StoredSigningKey, generate_signing_key
from services.auth.settings import AuthSettings


class RotatingKeys(Protocol):
    """The port that storage implements."""

    def lock(self) -> list[StoredSigningKey]:
        """Return every key, oldest first, and hold the set until the transaction ends."""
        ...

    def add(self, key: StoredSigningKey) -> None: ...

    def replace(self, key: StoredSigningKey) -> None:
        """Overwrite the row with this kid."""
        ...

    def forget(self, kid: str) -> None: ...

    def move_version(self, now: datetime) -> None:
        """Let running processes notice."""
        ...


class AllShards(Protocol):
    """The port that storage implements."""

    def move_all(self, now: datetime) -> None:
        """Move the version of every shard of the status list, so that APIs meet the new key at their next fetch."""
        ...


class RotationStores(Protocol):
    """What rotation writes to, in one transaction."""

    @property
    def signing_keys(self) -> RotatingKeys: ...
    @property
    def status_shards(self) -> AllShards: ...
    @property
    def audit(self) -> AuditTrail: ...


@dataclass(frozen=True)
class RotationPolicy:
    """How long a key is announced at least, stays in the JWKS once retired, and is remembered once removed."""

    announced: timedelta
    retired: timedelta
    removed: timedelta
    bits: int

    @classmethod
    def of(cls, settings: AuthSettings) -> "RotationPolicy":
        """Return the durations of these settings."""
        return cls(
            announced=max(2 * settings.jwks_max_age, settings.signing_key_announced),
            retired=settings.signing_key_retired,
            removed=settings.signing_key_removed,
            bits=settings.signing_key_bits,
        )


def rotate(stores: RotationStores, ring: KeyRing, policy: RotationPolicy, now: datetime) -> list[str]:
    """Begin a rotation, or go on with the one that has begun. Returns: one line a change; none: nothing is due."""
    changes = advance(stores, policy, now)
    keys = stores.signing_keys.lock()
    if changes or any(key.state == "announced" for key in keys):
        return changes
    key = generate_signing_key(ring, bits=policy.bits, state="announced", now=now)
    stores.signing_keys.add(key)
    _changed(stores, "signing_key_announced", key.kid, now)
    return [f"{key.kid} is announced; it may become active from {now + policy.announced:%Y-%m-%dT%H:%M:%SZ}"]


def keep(
    stores: RotationStores, ring: KeyRing, policy: RotationPolicy, rotate_after: timedelta, now: datetime
) -> list[str]:
    """Take the steps that are due, and begin a rotation once the active key has signed for `rotate_after`."""
    changes = advance(stores, policy, now)
    old = [key for key in stores.signing_keys.lock() if key.state == "active" and now - key.signs_since >= rotate_after]
    return changes or (rotate(stores, ring, policy, now) if old else [])


def advance(stores: RotationStores, policy: RotationPolicy, now: datetime) -> list[str]:
    """Take the steps that are due: activate, retire, remove, forget. Begins nothing; doing it again does nothing."""
    keys, changes = stores.signing_keys.lock(), []
    for key in keys:
        if key.state == "announced" and now - key.created_at >= policy.announced:
            changes += _activate(stores, key, [other for other in keys if other.state == "active"], now)
            break  # one at a time
    for key in keys:
        if key.state == "retired" and key.retired_at is not None and now - key.retired_at >= policy.retired:
            stores.signing_keys.replace(replace(key, state="removed", sealed_private_key=b"", removed_at=now))
            _changed(stores, "signing_key_removed", key.kid, now)
            changes.append(f"{key.kid} is removed: no live token needs it any more")
        if key.state == "removed" and key.removed_at is not None and now - key.removed_at >= policy.removed:
            stores.signing_keys.forget(key.kid)
            _changed(stores, "signing_key_forgotten", key.kid, now)
            changes.append(f"{key.kid} is forgotten")
    return changes


def rotate_in_emergency(stores: RotationStores, ring: KeyRing, policy: RotationPolicy, now: datetime) -> list[str]:
    """Drop every key that could sign or still be believed, and sign with a new one from this moment on.

    Nothing that a dropped key signed is good any more, ID token hints included. APIs hear of it with their next
    status list.
    """
    dropped = [key.kid for key in stores.signing_keys.lock() if key.state != "removed"]
    for kid in dropped:
        stores.signing_keys.forget(kid)
    key = generate_signing_key(ring, bits=policy.bits, state="active", now=now)
    stores.signing_keys.add(replace(key, activated_at=now))
    stores.signing_keys.move_version(now)
    stores.status_shards.move_all(now)
    for kid in dropped:
        stores.audit.record(AuditEvent("signing_key_dropped", now, details={"kid": kid}))
    stores.audit.record(AuditEvent("signing_key_activated", now, details={"kid": key.kid}))
    return [*(f"{kid} is dropped: nothing that it signed is good any more" for kid in dropped), _active(key.kid)]


def due_at(key: StoredSigningKey, policy: RotationPolicy) -> datetime | None:
    """Return when the key's next step may be taken; None: it waits for another key."""
    if key.state == "announced":
        return key.created_at + policy.announced
    if key.state == "retired" and key.retired_at is not None:
        return key.retired_at + policy.retired
    if key.state == "removed" and key.removed_at is not None:
        return key.removed_at + policy.removed
    return None


def _activate(
    stores: RotationStores, key: StoredSigningKey, active: list[StoredSigningKey], now: datetime
) -> list[str]:
    changes = []
    for other in active:  # first: the database has room for one active key
        stores.signing_keys.replace(replace(other, state="retired", retired_at=now))
        _changed(stores, "signing_key_retired", other.kid, now)
        changes.append(f"{other.kid} is retired: it signs no more, its tokens stay good")
    stores.signing_keys.replace(replace(key, state="active", activated_at=now))
    _changed(stores, "signing_key_activated", key.kid, now)
    return [*changes, _active(key.kid)]


def _active(kid: str) -> str:
    return f"{kid} is active"


def _changed(stores: RotationStores, event: str, kid: str, now: datetime) -> None:
    stores.signing_keys.move_version(now)
    stores.audit.record(AuditEvent(event, now, details={"kid": kid}))
