"""Device authorizations in the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select, update

from services.auth.audit import Origin
from services.auth.authorization.device import DeviceAuthorization
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import device_authorizations
from shared.database import Connection

_row = device_authorizations.c


@dataclass(frozen=True)
class SqlDeviceAuthorizations:
    """Implements `authorization.device.DeviceAuthorizations`."""

    connection: Connection

    def add(self, device: DeviceAuthorization) -> bool:
        values = {
            "device_code_hash": device.device_code_hash,
            "user_code": device.user_code,
            "client_id": device.client_id,
            "scopes": sorted(device.scopes),
            "resources": list(device.resources),
            "network": device.origin.network,
            "agent": device.origin.agent,
            "created_at": device.created_at,
            "expires_at": device.expires_at,
            "interval": device.interval,
            "polled_at": device.polled_at,
            "allowed": device.allowed,
        }
        return insert_if_absent(self.connection, device_authorizations, values, conflict=["user_code"])

    def find(self, device_code_hash: bytes) -> DeviceAuthorization | None:
        query = select(device_authorizations).where(_row.device_code_hash == device_code_hash)
        return _device_of(self.connection.execute(query).mappings().one_or_none())

    def find_waiting(self, user_code: str, now: datetime) -> DeviceAuthorization | None:
        query = select(device_authorizations).where(
            _row.user_code == user_code, _row.expires_at > now, _row.allowed.is_(None)
        )
        return _device_of(self.connection.execute(query).mappings().one_or_none())

    def lock(self, device_code_hash: bytes) -> DeviceAuthorization | None:
        query = select(device_authorizations).where(_row.device_code_hash == device_code_hash).with_for_update()
        return _device_of(self.connection.execute(query).mappings().one_or_none())

    def set_polled(self, device: DeviceAuthorization) -> None:
        statement = update(device_authorizations).where(_row.device_code_hash == device.device_code_hash)
        self.connection.execute(statement.values(polled_at=device.polled_at, interval=device.interval))

    def answer(self, device_code_hash: bytes, now: datetime, *, allowed: bool) -> bool:
        statement = update(device_authorizations).where(
            _row.device_code_hash == device_code_hash, _row.expires_at > now, _row.allowed.is_(None)
        )
        return self.connection.execute(statement.values(allowed=allowed)).rowcount == 1


def _device_of(row: RowMapping | None) -> DeviceAuthorization | None:
    if row is None:
        return None
    return DeviceAuthorization(
        device_code_hash=row["device_code_hash"],
        user_code=row["user_code"],
        client_id=row["client_id"],
        scopes=frozenset(row["scopes"]),
        resources=tuple(row["resources"]),
        origin=Origin(row["network"], row["agent"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        interval=row["interval"],
        polled_at=row["polled_at"],
        allowed=row["allowed"],
    )
