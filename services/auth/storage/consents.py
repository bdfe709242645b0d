"""Consents in the database: one row a user, client and scope."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, select

from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import consents
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_FIND = CompiledStatement(
    lambda _: select(consents.c.scope).where(
        consents.c.user_id == bindparam("user"), consents.c.client_id == bindparam("client")
    )
)


@dataclass(frozen=True)
class SqlConsents:
    """Implements `authorization.consent.Consents`."""

    connection: Connection

    def find(self, user_id: UUID, client_id: str) -> frozenset[str]:
        rows = _FIND.rows(self.connection, {"user": user_id, "client": client_id})
        return frozenset(scope for (scope,) in rows)

    def add(self, user_id: UUID, client_id: str, scopes: frozenset[str], now: datetime) -> None:
        for scope in sorted(scopes):  # in one order everywhere: two at once must not wait for each other
            values = {"user_id": user_id, "client_id": client_id, "scope": scope, "created_at": now}
            insert_if_absent(self.connection, consents, values, conflict=["user_id", "client_id", "scope"])

    def remove(self, user_id: UUID, client_id: str) -> bool:
        statement = delete(consents).where(consents.c.user_id == user_id, consents.c.client_id == client_id)
        return self.connection.execute(statement).rowcount > 0
