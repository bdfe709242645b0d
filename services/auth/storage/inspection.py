"""What doctor reads, across concepts and without changing one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from services.auth.mfa.totp import TotpCredential
from services.auth.scopes import split_scope
from services.auth.storage.tables import clients, families, totp_credentials
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

    def public_client(self) -> PublicClient | None:
        """Return an enabled first-party client without a secret that signs people in; None: there is none."""
        query = select(clients.c.client_id, clients.c.metadata).where(clients.c.disabled_at.is_(None))
        for client_id, metadata in self.connection.execute(query.order_by(clients.c.client_id)):
            public = metadata["token_endpoint_auth_method"] == "none" and metadata.get("first_party", False)
            scopes, uris = split_scope(metadata["scope"]), metadata["redirect_uris"]
            if public and uris and scopes and "authorization_code" in metadata["grant_types"]:
                return PublicClient(client_id, uris[0], "openid" if "openid" in scopes else min(scopes))
        return None
