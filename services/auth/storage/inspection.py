"""What doctor and the commands read, across concepts and without changing one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from services.auth.accounts.totp import TotpCredential
from services.auth.scopes import split_scope
from services.auth.storage.tables import browser_sessions, clients, families, totp_credentials
from shared.database import Connection


@dataclass(frozen=True)
class PublicClient:
    """A client without a secret, and one place where it takes answers."""

    client_id: str
    redirect_uri: str
    scope: str


@dataclass(frozen=True)
class SqlInspection:
    """Reads on one connection."""

    connection: Connection

    def mac_kids(self, now: datetime) -> Mapping[bytes, int]:
        """Return how many live families name each MAC key."""
        live = (families.c.revoked_at.is_(None), families.c.idle_expires_at > now, families.c.expires_at > now)
        query = select(families.c.mac_kid, func.count()).where(*live).group_by(families.c.mac_kid)
        return {row[0]: row[1] for row in self.connection.execute(query)}

    def totp_sample(self, size: int) -> list[TotpCredential]:
        """Return the newest credentials and the oldest: a key that was dropped too early closed those."""
        found = {}
        for order in (totp_credentials.c.created_at.desc(), totp_credentials.c.created_at):
            query = select(totp_credentials).order_by(order, totp_credentials.c.user_id).limit(size)
            for row in self.connection.execute(query).mappings():
                found[row["user_id"]] = TotpCredential(row["user_id"], row["sealed_secret"], row["last_step"])
        return list(found.values())

    def signed_in(self, user_id: UUID, now: datetime) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
        """Return the live browser sessions and families of a user, oldest first."""
        sessions, rows = browser_sessions.c, families.c
        live = (sessions.ended_at.is_(None), sessions.idle_expires_at > now, sessions.expires_at > now)
        alive = (rows.revoked_at.is_(None), rows.idle_expires_at > now, rows.expires_at > now)
        return (
            self.connection.execute(
                select(browser_sessions).where(sessions.user_id == user_id, *live).order_by(sessions.id)
            ).all(),
            self.connection.execute(select(families).where(rows.user_id == user_id, *alive).order_by(rows.id)).all(),
        )

    def public_client(self) -> PublicClient | None:
        """Return an enabled first-party client without a secret that signs people in; None: there is none."""
        query = select(clients.c.client_id, clients.c.metadata).where(clients.c.disabled_at.is_(None))
        for client_id, metadata in self.connection.execute(query.order_by(clients.c.client_id)):
            public = metadata["token_endpoint_auth_method"] == "none" and metadata.get("first_party", False)
            scopes, uris = split_scope(metadata["scope"]), metadata["redirect_uris"]
            if public and uris and scopes and "authorization_code" in metadata["grant_types"]:
                return PublicClient(client_id, uris[0], "openid" if "openid" in scopes else min(scopes))
        return None
