"""Clients and APIs in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import bindparam, select, update

from services.auth.clients.client import Client
from services.auth.scopes import Api, ApiScope, ScopeCatalogue
from services.auth.storage.tables import apis, client_secrets, clients
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

#: The client, a row for each of its secrets.
_FIND = CompiledStatement(
    lambda _: (
        select(clients.c.client_id, clients.c.metadata, clients.c.disabled_at, client_secrets.c.secret_hash)
        .outerjoin(client_secrets, client_secrets.c.client_id == clients.c.client_id)
        .where(clients.c.client_id == bindparam("wanted"))
    )
)
_CATALOGUE = CompiledStatement(
    lambda _: select(apis.c.identifier, apis.c.name, apis.c.scopes).order_by(apis.c.position)
)
#: A row keeps the names of the wire; what it holds beside them is of another version of auth, and left alone.
_OF_ROW = TypeAdapter(Client)


@dataclass(frozen=True)
class SqlClients:
    """Implements `clients.Clients`."""

    connection: Connection

    def find(self, client_id: str) -> Client | None:
        rows = _FIND.rows(self.connection, {"wanted": client_id})
        if not rows:
            return None
        own_id, metadata, disabled_at, _ = rows[0]
        return _client(own_id, metadata, disabled_at, tuple(row[3] for row in rows if row[3] is not None))

    def enabled(self) -> tuple[Client, ...]:
        query = select(clients).where(clients.c.disabled_at.is_(None)).order_by(clients.c.client_id)
        return tuple(
            _client(row.client_id, row.metadata, row.disabled_at, ()) for row in self.connection.execute(query)
        )

    def touch(self, client_id: str, now: datetime) -> None:
        self.connection.execute(update(clients).where(clients.c.client_id == client_id).values(updated_at=now))

    def set_disabled(self, client_id: str, at: datetime | None) -> bool:
        otherwise = clients.c.disabled_at.is_(None) if at is not None else clients.c.disabled_at.is_not(None)
        statement = update(clients).where(clients.c.client_id == client_id, otherwise).values(disabled_at=at)
        return self.connection.execute(statement).rowcount == 1


@dataclass(frozen=True)
class SqlApis:
    """Implements `scopes.Apis`."""

    connection: Connection

    def catalogue(self) -> ScopeCatalogue:
        rows = _CATALOGUE.rows(self.connection, {})
        return ScopeCatalogue(
            tuple(
                Api(identifier, name, tuple(ApiScope(**scope) for scope in scopes)) for identifier, name, scopes in rows
            )
        )


def _client(
    client_id: str, metadata: Mapping[str, Any], disabled_at: datetime | None, secret_hashes: tuple[bytes, ...]
) -> Client:
    kept = {"client_id": client_id, "disabled_at": disabled_at, "secret_hashes": secret_hashes}
    return _OF_ROW.validate_python({**metadata, **kept})
