"""Signing keys in the database, their private halves sealed, and the version of the set that they make."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from services.auth.keys.key_set import PUBLISHED
from services.auth.keys.signing_key import StoredSigningKey
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.status_shards import moved
from services.auth.storage.tables import key_set_versions, signing_keys
from shared.database import Connection

_row = signing_keys.c


@dataclass(frozen=True)
class SqlSigningKeys:
    """Implements `keys.key_set.SigningKeys` and `keys.rotation.RotatingKeys`."""

    connection: Connection

    def published(self) -> list[StoredSigningKey]:
        """Return those of the JWKS, oldest first."""
        return [key for key in self.known() if key.state in PUBLISHED]

    def known(self) -> list[StoredSigningKey]:
        query = select(signing_keys).order_by(_row.created_at, _row.kid)
        return [StoredSigningKey(**row) for row in self.connection.execute(query).mappings()]

    def add_first(self, key: StoredSigningKey) -> None:
        # the partial unique index on the active state lets one of two first starts win
        insert_if_absent(self.connection, signing_keys, asdict(key))

    def lock(self) -> list[StoredSigningKey]:
        self.connection.execute(select(key_set_versions.c.version).with_for_update())
        return self.known()

    def add(self, key: StoredSigningKey) -> None:
        self.connection.execute(insert(signing_keys).values(**asdict(key)))

    def replace(self, key: StoredSigningKey) -> None:
        self.connection.execute(update(signing_keys).where(_row.kid == key.kid).values(**asdict(key)))

    def forget(self, kid: str) -> None:
        self.connection.execute(delete(signing_keys).where(_row.kid == kid))

    def move_version(self, now: datetime) -> None:
        self.connection.execute(update(key_set_versions).values(version=moved(key_set_versions.c.version, now)))
