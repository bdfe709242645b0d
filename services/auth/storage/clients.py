"""Clients and APIs in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, bindparam, select, update

from services.auth.clients.client import Client, ExchangeTarget
from services.auth.scopes import Api, ApiScope, ScopeCatalogue, split_scope
from services.auth.storage.tables import apis, client_secrets, clients
from shared.database import Connection

#: The client, a row for each of its secrets.
_FIND = (
    select(clients.c.client_id, clients.c.metadata, clients.c.disabled_at, client_secrets.c.secret_hash)
    .outerjoin(client_secrets, client_secrets.c.client_id == clients.c.client_id)
    .where(clients.c.client_id == bindparam("wanted"))
)
_CATALOGUE = select(apis).order_by(apis.c.position)


@dataclass(frozen=True)
class SqlClients:
    """Implements `clients.Clients`."""

    connection: Connection

    def find(self, client_id: str) -> Client | None:
        rows = self.connection.execute(_FIND, {"wanted": client_id}).mappings().all()
        if not rows:
            return None
        return _client(rows[0], tuple(row["secret_hash"] for row in rows if row["secret_hash"] is not None))

    def enabled(self) -> tuple[Client, ...]:
        query = select(clients).where(clients.c.disabled_at.is_(None)).order_by(clients.c.client_id)
        return tuple(_client(row, ()) for row in self.connection.execute(query).mappings())

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
        rows = self.connection.execute(_CATALOGUE).mappings()
        return ScopeCatalogue(
            tuple(
                Api(row["identifier"], row["name"], tuple(ApiScope(**scope) for scope in row["scopes"])) for row in rows
            )
        )


def _client(row: RowMapping, secret_hashes: tuple[bytes, ...]) -> Client:
    metadata: Mapping[str, Any] = row["metadata"]
    methods = {metadata["token_endpoint_auth_method"]}
    if metadata.get("also_allow_client_secret_post"):
        methods.add("client_secret_post")
    return Client(
        client_id=row["client_id"],
        name=metadata.get("client_name", row["client_id"]),
        application_type=metadata["application_type"],
        auth_methods=frozenset(methods),
        grant_types=frozenset(metadata["grant_types"]),
        redirect_uris=tuple(metadata["redirect_uris"]),
        scopes=split_scope(metadata["scope"]),
        first_party=metadata.get("first_party", False),
        allow_undotted_scheme=metadata.get("allow_undotted_scheme", False),
        always_continue=metadata.get("always_continue", False),
        require_pkce=metadata.get("require_pkce", True),
        require_mfa=metadata.get("require_mfa", False),
        require_pushed_authorization_requests=metadata.get("require_pushed_authorization_requests", False),
        default_max_age=metadata.get("default_max_age"),
        secret_hashes=secret_hashes,
        assertion_keys=tuple(metadata.get("jwks", {}).get("keys", ())),
        assertion_algorithm=metadata.get("token_endpoint_auth_signing_alg"),
        assertion_audience=metadata.get("client_assertion_audience", "endpoint"),
        disabled_at=row["disabled_at"],
        post_logout_redirect_uris=tuple(metadata.get("post_logout_redirect_uris", ())),
        backchannel_logout_uri=metadata.get("backchannel_logout_uri"),
        allowed_origins=tuple(metadata.get("allowed_origins", ())),
        android_package_name=metadata.get("android_package_name"),
        android_sha256_cert_fingerprints=tuple(metadata.get("android_sha256_cert_fingerprints", ())),
        apple_app_ids=tuple(metadata.get("apple_app_ids", ())),
        access_token_lifetime=_seconds(metadata, "access_token_lifetime"),
        refresh_retry_window=_seconds(metadata, "refresh_retry_window"),
        refresh_idle_lifetime=_seconds(metadata, "refresh_idle_lifetime"),
        refresh_absolute_lifetime=_seconds(metadata, "refresh_absolute_lifetime"),
        resource_identifiers=tuple(metadata.get("resource_identifiers", ())),
        introspection=metadata.get("introspection", False),
        exchange_targets=tuple(
            ExchangeTarget(target["resource"], split_scope(target["scope"]))
            for target in metadata.get("token_exchange_targets", ())
        ),
    )


def _seconds(metadata: Mapping[str, Any], name: str) -> timedelta | None:
    value = metadata.get(name)
    return None if value is None else timedelta(seconds=value)
