"""Clients and APIs in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update

from services.auth.clients.client import Client, ExchangeTarget
from services.auth.scopes import Api, ApiScope, ScopeCatalogue, split_scope
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
    methods = {metadata["token_endpoint_auth_method"]}
    if metadata.get("also_allow_client_secret_post"):
        methods.add("client_secret_post")
    return Client(
        client_id=client_id,
        name=metadata.get("client_name", client_id),
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
        disabled_at=disabled_at,
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
