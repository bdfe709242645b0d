"""What configuration as code reads and writes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update

from services.auth.accounts.email_address import parse_email_address
from services.auth.accounts.totp import TotpCredential
from services.auth.storage import stores_on
from services.auth.storage.client_secrets import SqlClientSecrets
from services.auth.storage.insert import insert_into, insert_or_replace
from services.auth.storage.people import SqlPeople, email_columns
from services.auth.storage.tables import apis, clients, totp_credentials, users
from services.auth.storage.users import SqlTotpCredentials
from services.auth.stores import Stores
from shared.database import Connection
from shared.installation import installation_of, remember_issuer


@dataclass(frozen=True)
class SqlConfigurationStore:
    """Implements `apply.ConfigurationStore`."""

    connection: Connection

    @property
    def ends(self) -> Stores:
        return stores_on(self.connection)

    def issuer(self) -> str | None:
        known = installation_of(self.connection)
        return known.issuer if known else None

    def put_issuer(self, issuer: str) -> None:
        remember_issuer(self.connection, issuer)

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

    def client(self, client_id: str) -> tuple[dict[str, Any], bytes | None] | None:
        query = select(clients.c.metadata, clients.c.configured_secret_hash).where(clients.c.client_id == client_id)
        row = self.connection.execute(query).one_or_none()
        return None if row is None else (row[0], row[1])

    def put_client(self, client_id: str, metadata: dict[str, Any], now: datetime) -> None:
        values = {"client_id": client_id, "metadata": metadata, "created_at": now, "updated_at": now}
        statement = insert_into(self.connection, clients).values(**values)
        self.connection.execute(
            statement.on_conflict_do_update(
                index_elements=["client_id"], set_={"metadata": metadata, "updated_at": now}
            )
        )

    def enabled_clients(self) -> list[str]:
        query = select(clients.c.client_id).where(clients.c.disabled_at.is_(None)).order_by(clients.c.client_id)
        return list(self.connection.execute(query).scalars())

    def put_client_secret(self, client_id: str, secret_hash: bytes | None, now: datetime) -> int:
        values = {"configured_secret_hash": secret_hash}
        self.connection.execute(update(clients).where(clients.c.client_id == client_id).values(**values))
        secrets = SqlClientSecrets(self.connection)
        if secret_hash is None:
            return secrets.drop_all(client_id)
        return secrets.add(client_id, secret_hash, now)

    def user(self, user_id: UUID) -> dict[str, Any] | None:
        names = ("username", "claims", "team", "roles", "password_hash", "email", "email_verified_at")
        query = select(*(users.c[name] for name in names)).where(users.c.id == user_id)
        row = self.connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        columns = dict(row)
        email, verified_at = columns.pop("email"), columns.pop("email_verified_at")
        if email is not None:  # a file has it among the claims
            columns["claims"] = {**columns["claims"], "email": email, "email_verified": verified_at is not None}
        return columns

    def enabled_users(self) -> dict[UUID, str]:
        query = select(users.c.id, users.c.username).where(users.c.disabled_at.is_(None)).order_by(users.c.username)
        return {row.id: row.username for row in self.connection.execute(query)}

    def user_named(self, username: str) -> UUID | None:
        query = select(users.c.id).where(users.c.username == username)
        return self.connection.execute(query).scalar_one_or_none()

    def owner_of(self, key: str) -> UUID | None:
        return SqlPeople(self.connection).owner_of(key)

    def put_user(self, user_id: UUID, columns: dict[str, Any], now: datetime) -> None:
        claims = dict(columns["claims"])
        email, verified = claims.pop("email", None), claims.pop("email_verified", False) is True
        written = {**columns, "claims": claims, "email": None, "email_key": None, "email_verified_at": None}
        if email:
            written |= email_columns(parse_email_address(email), now if verified else None)
        active = now if columns["password_hash"] else None
        statement = insert_into(self.connection, users).values(
            id=user_id, created_at=now, updated_at=now, activated_at=active, **written
        )
        changed = {**written, "updated_at": now, "activated_at": func.coalesce(users.c.activated_at, active)}
        self.connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))

    def totp(self, user_id: UUID) -> TotpCredential | None:
        return SqlTotpCredentials(self.connection).find(user_id)

    def put_totp(self, user_id: UUID, sealed_secret: bytes | None, now: datetime) -> None:
        if sealed_secret is None:
            self.connection.execute(delete(totp_credentials).where(totp_credentials.c.user_id == user_id))
            return
        values = {"user_id": user_id, "sealed_secret": sealed_secret, "last_step": 0, "created_at": now}
        self.connection.execute(insert_or_replace(self.connection, totp_credentials, values, ["user_id"]))
