"""The secrets of clients in the database, as digests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from services.auth.clients.client import MOST_SECRETS
from services.auth.provisioning.client_secrets import ClientSummary
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import client_secrets, clients
from shared.database import Connection

_row = client_secrets.c


@dataclass(frozen=True)
class SqlClientSecrets:
    """Implements `client_secrets.ClientSecrets`."""

    connection: Connection

    def add(self, client_id: str, secret_hash: bytes, now: datetime) -> int:
        before = [known for known in self._newest_first(client_id) if known != secret_hash]
        values = {"client_id": client_id, "secret_hash": secret_hash, "created_at": now}
        insert_if_absent(self.connection, client_secrets, values, conflict=["client_id", "secret_hash"])
        return self._drop(client_id, before[MOST_SECRETS - 1 :])

    def drop_old(self, client_id: str) -> int:
        return self._drop(client_id, self._newest_first(client_id)[1:])

    def drop_all(self, client_id: str) -> int:
        return self._drop(client_id, self._newest_first(client_id))

    def summaries(self, client_id: str | None = None) -> Sequence[ClientSummary]:
        query = select(clients.c.client_id, clients.c.metadata, clients.c.disabled_at).order_by(clients.c.client_id)
        if client_id is not None:
            query = query.where(clients.c.client_id == client_id)
        return [
            ClientSummary(row.client_id, row.metadata, row.disabled_at, self._since(row.client_id))
            for row in self.connection.execute(query).all()
        ]

    def _since(self, client_id: str) -> tuple[datetime, ...]:
        query = select(_row.created_at).where(_row.client_id == client_id).order_by(_row.created_at.desc())
        return tuple(self.connection.execute(query).scalars())

    def _newest_first(self, client_id: str) -> list[bytes]:
        query = select(_row.secret_hash).where(_row.client_id == client_id).order_by(_row.created_at.desc())
        return list(self.connection.execute(query).scalars())

    def _drop(self, client_id: str, secret_hashes: Sequence[bytes]) -> int:
        if not secret_hashes:
            return 0
        statement = delete(client_secrets).where(_row.client_id == client_id, _row.secret_hash.in_(secret_hashes))
        return self.connection.execute(statement).rowcount
