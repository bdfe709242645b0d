"""Signing keys in the database, their private halves sealed."""

from dataclasses import asdict, dataclass

from sqlalchemy import select

from services.auth.keys.key_set import PUBLISHED
from services.auth.keys.signing_key import StoredSigningKey
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import signing_keys
from shared.database import Connection


@dataclass(frozen=True)
class SqlSigningKeys:
    """Implements `keys.key_set.SigningKeys`."""

    connection: Connection

    def published(self) -> list[StoredSigningKey]:
        query = select(signing_keys).where(signing_keys.c.state.in_(PUBLISHED)).order_by(signing_keys.c.created_at)
        return [StoredSigningKey(**row) for row in self.connection.execute(query).mappings()]

    def add_first(self, key: StoredSigningKey) -> None:
        # the partial unique index on the active state lets one of two first starts win
        insert_if_absent(self.connection, signing_keys, asdict(key))
