"""What configuration as code reads and writes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from services.auth.mfa.totp import TotpCredential
from services.auth.storage.insert import insert_into, insert_or_replace
from services.auth.storage.tables import apis, client_secrets, clients, totp_credentials, users
from services.auth.storage.users import SqlTotpCredentials
from shared.database import Connection


@dataclass(frozen=True)
class SqlConfigurationStore:
    """Implements `apply.ConfigurationStore`."""

    connection: Connection

    def apis(self) -> dict[str, dict[str, Any]]:
        rows = self.connection.execute(select(apis).order_by(apis.c.position)).mappings()
        return {row["identifier"]: {"name": row["name"], "scopes": row["scopes"]} for row in rows}

    def remove_api(self, identifier: str) -> None:
        self.connection.execute(delete(apis).where(apis.c.identifier == identifier))

    def put_api(self, identifier: str, name: str, scopes: list[dict[str, Any]]) -> None:
        last = self.connection.execute(select(func.coalesce(func.max(apis.c.position), 0))).scalar_one()
        values = {"identifier": identifier, "name": name, "scopes": scopes, "position": last + 1}
        statement = insert_into(self.connection, apis).values(**values)
        self.connection.execute(
            statement.on_conflict_do_update(index_elements=["identifier"], set_={"name": name, "scopes": scopes})
        )

    def client(self, client_id: str) -> tuple[dict[str, Any], frozenset[bytes]] | None:
        found = self.connection.execute(
            select(clients.c.metadata).where(clients.c.client_id == client_id)
        ).scalar_one_or_none()
        if found is None:
            return None
        secrets = select(client_secrets.c.secret_hash).where(client_secrets.c.client_id == client_id)
        return found, frozenset(self.connection.execute(secrets).scalars())

    def put_client(
        self, client_id: str, metadata: dict[str, Any], secret_hashes: frozenset[bytes], now: datetime
    ) -> None:
        values = {"client_id": client_id, "metadata": metadata, "created_at": now, "updated_at": now}
        statement = insert_into(self.connection, clients).values(**values)
        self.connection.execute(
            statement.on_conflict_do_update(
                index_elements=["client_id"], set_={"metadata": metadata, "updated_at": now}
            )
        )
        self.connection.execute(delete(client_secrets).where(client_secrets.c.client_id == client_id))
        for secret_hash in secret_hashes:
            self.connection.execute(
                insert(client_secrets).values(client_id=client_id, secret_hash=secret_hash, created_at=now)
            )

    def user(self, user_id: UUID) -> dict[str, Any] | None:
        query = select(users.c.username, users.c.claims, users.c.team, users.c.roles, users.c.password_hash)
        row = self.connection.execute(query.where(users.c.id == user_id)).mappings().one_or_none()
        return None if row is None else dict(row)

    def user_named(self, username: str) -> UUID | None:
        query = select(users.c.id).where(users.c.username == username)
        return self.connection.execute(query).scalar_one_or_none()

    def put_user(self, user_id: UUID, columns: dict[str, Any], now: datetime) -> None:
        statement = insert_into(self.connection, users).values(id=user_id, created_at=now, updated_at=now, **columns)
        self.connection.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_={**columns, "updated_at": now})
        )

    def totp(self, user_id: UUID) -> TotpCredential | None:
        return SqlTotpCredentials(self.connection).find(user_id)

    def put_totp(self, user_id: UUID, sealed_secret: bytes | None, now: datetime) -> None:
        if sealed_secret is None:
            self.connection.execute(delete(totp_credentials).where(totp_credentials.c.user_id == user_id))
            return
        values = {"user_id": user_id, "sealed_secret": sealed_secret, "last_step": 0, "created_at": now}
        self.connection.execute(insert_or_replace(self.connection, totp_credentials, values, ["user_id"]))
