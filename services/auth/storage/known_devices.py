"""The browsers that users are known in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, insert, select, update

from services.auth.accounts.known_devices import MOST_DEVICES, MOST_USERS
from services.auth.storage.tables import known_devices, users
from shared.database import Connection

_row = known_devices.c
_NOBODYS = bytes(32)

#: Always of as many hashes, whatever was sent, so that its time tells nothing.
_OF_USER = (
    select(_row.device_hash)
    .join(users, users.c.id == _row.user_id)
    .where(
        users.c.username == bindparam("username"),
        _row.device_hash.in_([bindparam(f"hash_{number}") for number in range(MOST_USERS)]),
        _row.expires_at > bindparam("now"),
    )
)


@dataclass(frozen=True)
class SqlKnownDevices:
    """Implements `accounts.known_devices.KnownDevices`."""

    connection: Connection

    def find(self, device_hashes: Sequence[bytes], username: str, now: datetime) -> bytes | None:
        padded = [*device_hashes, *[_NOBODYS] * MOST_USERS][:MOST_USERS]
        values = {f"hash_{number}": device_hash for number, device_hash in enumerate(padded)}
        return self.connection.execute(_OF_USER, {**values, "username": username, "now": now}).scalar()

    def owners(self, device_hashes: Sequence[bytes], now: datetime) -> dict[bytes, UUID]:
        query = select(_row.device_hash, _row.user_id).where(_row.device_hash.in_(device_hashes), _row.expires_at > now)
        return {row.device_hash: row.user_id for row in self.connection.execute(query)}

    def remember(self, device_hash: bytes, user_id: UUID, *, expires_at: datetime, now: datetime) -> None:
        self.connection.execute(
            insert(known_devices).values(
                device_hash=device_hash, user_id=user_id, created_at=now, expires_at=expires_at
            )
        )
        newest = (
            select(_row.device_hash).where(_row.user_id == user_id).order_by(_row.expires_at.desc(), _row.device_hash)
        )
        surplus = list(self.connection.execute(newest.offset(MOST_DEVICES)).scalars())
        if surplus:
            self.connection.execute(delete(known_devices).where(_row.device_hash.in_(surplus)))

    def expire(self, device_hashes: Sequence[bytes], user_id: UUID, *, at: datetime) -> None:
        theirs = and_(_row.device_hash.in_(device_hashes), _row.user_id == user_id, _row.expires_at > at)
        self.connection.execute(update(known_devices).where(theirs).values(expires_at=at))

    def forget(self, user_id: UUID) -> None:
        self.connection.execute(delete(known_devices).where(_row.user_id == user_id))
