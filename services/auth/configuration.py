"""Configuration as code: the users, clients and APIs that a file asks for, checked, planned and applied.

Spec: RFC 7591 s2 (names of client metadata), OpenID Connect Registration s2
Applying is idempotent; what the file does not name stays as it is.
"""

from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.auth.clients import redirect_uri_fault
from services.auth.keys.encryption import decrypt
from services.auth.keys.key_ring import KeyRing
from services.auth.mfa.totp import TotpCredential, seal_totp_secret, totp_label
from services.auth.opaque_token import digest
from services.auth.passwords import hash_password, is_too_long, verify_password
from services.auth.scopes import OIDC_SCOPES, split_scope
from services.auth.users import claim_fault, normalise_username
from shared.errors import ConfigurationError

#: Part of every secret that is published in the repository.
_PUBLISHED_SECRET = "for-local-use-only"


_TEN_YEARS = 10 * 366 * 86_400


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class UserEntry(_Entry):
    """One user; `password` and `totp_secret` are for local stacks alone."""

    sub: UUID
    username: str
    password: str = Field(min_length=8, max_length=1024, repr=False)
    totp_secret: str | None = Field(default=None, pattern=r"^[A-Z2-7]{26,}$", repr=False)
    team: str | None = Field(default=None, max_length=100)
    roles: list[str] = []
    claims: dict[str, Any] = {}

    @field_validator("password")
    @classmethod
    def _can_be_hashed(cls, value: str) -> str:
        if is_too_long(value):
            raise ValueError("the password is too long")
        return value

    @field_validator("claims")
    @classmethod
    def _standard(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, claim in value.items():
            if fault := claim_fault(name, claim):
                raise ValueError(fault)
        return value

    @field_validator("username")
    @classmethod
    def _normalised(cls, value: str) -> str:
        username = normalise_username(value)
        if not 0 < len(username) <= 200:
            raise ValueError("must hold 1 to 200 characters, normalised")
        return username


class ScopeEntry(_Entry):
    """One scope of an API."""

    name: str = Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$", max_length=200)
    description: str
    machine_only: bool = False
    role: str | None = None

    @field_validator("name")
    @classmethod
    def _of_an_api(cls, value: str) -> str:
        if value in OIDC_SCOPES:
            raise ValueError("is a scope of OpenID Connect and belongs to no API")
        return value


class ApiEntry(_Entry):
    """One API; its identifier is its public URL without a trailing slash."""

    identifier: str = Field(pattern=r"^https?://[^?#\s]*[^/?#\s]$", max_length=300)
    name: str = Field(max_length=200)
    scopes: list[ScopeEntry]


class ClientEntry(_Entry):
    """One client, in RFC 7591's names; ours stand last. Lifetimes are seconds."""

    client_id: str = Field(pattern=r"^[A-Za-z0-9._~-]+$", max_length=200)
    client_name: str = Field(max_length=200)
    application_type: Literal["native", "web"]
    token_endpoint_auth_method: Literal["none", "client_secret_basic", "client_secret_post"]
    client_secret: str | None = Field(default=None, min_length=32, repr=False)
    grant_types: list[Literal["authorization_code", "refresh_token", "client_credentials"]]
    response_types: list[Literal["code"]] = []
    redirect_uris: list[str] = []
    scope: str = ""
    first_party: bool = False
    allow_undotted_scheme: bool = False
    always_continue: bool = False
    also_allow_client_secret_post: bool = False
    require_pkce: bool = True
    access_token_lifetime: int | None = Field(default=None, ge=60, le=3600)
    refresh_retry_window: int | None = Field(default=None, ge=0, le=600)
    refresh_idle_lifetime: int | None = Field(default=None, ge=60, le=_TEN_YEARS)
    refresh_absolute_lifetime: int | None = Field(default=None, ge=60, le=_TEN_YEARS)

    @model_validator(mode="after")
    def _consistent(self) -> "ClientEntry":
        public = self.token_endpoint_auth_method == "none"
        if public and (self.client_secret or self.also_allow_client_secret_post):
            raise ValueError("a public client holds no secret; remove it or set a token_endpoint_auth_method")
        if not public and not self.client_secret:
            raise ValueError("a confidential client needs a client_secret of 32 characters or more")
        if public and not self.require_pkce:
            raise ValueError("require_pkce can be false for a confidential client alone")
        if public and "client_credentials" in self.grant_types:
            raise ValueError("client_credentials needs a confidential client")
        if ("authorization_code" in self.grant_types) != bool(self.redirect_uris):
            raise ValueError("redirect_uris and the grant type authorization_code come together")
        return self

    def metadata(self) -> dict[str, Any]:
        """Return what the row keeps: everything but the id and the secret."""
        return self.model_dump(exclude={"client_id", "client_secret"}, exclude_none=True)


class Configuration(_Entry):
    """The sections of the file that are auth's; those of the APIs are theirs to read."""

    users: list[UserEntry] = []
    apis: list[ApiEntry] = []
    clients: list[ClientEntry] = []
    crm: Any = None
    orders: Any = None


class ConfigurationStore(Protocol):
    """The port that storage implements. A user is found by sub; secrets are seen as digests."""

    def apis(self) -> dict[str, dict[str, Any]]:
        """Return name and scopes of every API, by identifier."""
        ...

    def remove_api(self, identifier: str) -> None: ...

    def put_api(self, identifier: str, name: str, scopes: list[dict[str, Any]]) -> None: ...

    def client(self, client_id: str) -> tuple[dict[str, Any], frozenset[bytes]] | None: ...

    def put_client(
        self, client_id: str, metadata: dict[str, Any], secret_hashes: frozenset[bytes], now: datetime
    ) -> None: ...

    def user(self, user_id: UUID) -> dict[str, Any] | None: ...

    def user_named(self, username: str) -> UUID | None: ...

    def put_user(self, user_id: UUID, columns: dict[str, Any], now: datetime) -> None: ...

    def totp(self, user_id: UUID) -> TotpCredential | None: ...

    def put_totp(self, user_id: UUID, sealed_secret: bytes | None, now: datetime) -> None: ...


def parse_configuration(content: dict[str, Any], *, local: bool) -> Configuration:
    """Check the whole file before anything is written.

    Raises:
        ConfigurationError: one line that names the first bad entry and what to change.
    """
    try:
        configuration = Configuration.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{where}: {first['msg']}") from error
    _refuse_doubles("users", [str(user.sub) for user in configuration.users])
    _refuse_doubles("users", [user.username for user in configuration.users])
    _refuse_doubles("apis", [api.identifier for api in configuration.apis])
    _refuse_doubles("apis", [scope.name for api in configuration.apis for scope in api.scopes])
    _refuse_doubles("clients", [client.client_id for client in configuration.clients])
    for client in configuration.clients:
        _check_client(client, configuration, local=local)
    if not local and configuration.users:
        raise ConfigurationError("users: a file with passwords is refused with ENVIRONMENT=production")
    return configuration


def _refuse_doubles(section: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{section}: {name} stands there twice")


def _check_client(client: ClientEntry, configuration: Configuration, *, local: bool) -> None:
    for uri in client.redirect_uris:
        if fault := redirect_uri_fault(uri, allow_undotted_scheme=client.allow_undotted_scheme, local=local):
            raise ConfigurationError(f"clients.{client.client_id}.redirect_uris: {fault}")
    known = OIDC_SCOPES | {scope.name for api in configuration.apis for scope in api.scopes}
    if unknown := sorted(split_scope(client.scope) - known):
        raise ConfigurationError(f"clients.{client.client_id}.scope: no API has {', '.join(unknown)}")
    if not local and client.client_secret and _PUBLISHED_SECRET in client.client_secret:
        raise ConfigurationError(f"clients.{client.client_id}.client_secret: a published secret; make your own")


def apply_configuration(
    store: ConfigurationStore, configuration: Configuration, *, keys: KeyRing, write: bool, now: datetime
) -> list[str]:
    """Bring the database to what the file says.

    Returns: one line a change, made or (without `write`) to be made; none: nothing to do.
    """
    changes = _apply_apis(store, configuration.apis, write=write)
    for client in configuration.clients:
        secrets = frozenset([digest(client.client_secret)] if client.client_secret else [])
        if store.client(client.client_id) != (client.metadata(), secrets):
            changes.append(f"client {client.client_id}")
            if write:
                store.put_client(client.client_id, client.metadata(), secrets, now)
    for user in configuration.users:
        changes += _apply_user(store, user, keys=keys, write=write, now=now)
    return changes


def _apply_apis(store: ConfigurationStore, apis: list[ApiEntry], *, write: bool) -> list[str]:
    present, changes = store.apis(), []
    wanted = {api.identifier: {scope.name for scope in api.scopes} for api in apis}
    for identifier, stored in present.items():
        held = {scope["name"] for scope in stored["scopes"]}
        # a scope belongs to one API: one that stands there under another address now has moved
        if identifier not in wanted and any(held & names for names in wanted.values()):
            changes.append(f"api {identifier}: removed, its scopes have moved")
            if write:
                store.remove_api(identifier)
    for api in apis:
        scopes = [scope.model_dump() for scope in api.scopes]
        if present.get(api.identifier) != {"name": api.name, "scopes": scopes}:
            changes.append(f"api {api.identifier}")
            if write:
                store.put_api(api.identifier, api.name, scopes)
    return changes


def _apply_user(store: ConfigurationStore, user: UserEntry, *, keys: KeyRing, write: bool, now: datetime) -> list[str]:
    if store.user_named(user.username) not in {None, user.sub}:
        raise ConfigurationError(f"users: the user name {user.username} is another user's")
    present = store.user(user.sub)
    columns: dict[str, Any] = {
        "username": user.username,
        "claims": user.claims,
        "team": user.team,
        "roles": user.roles,
    }
    changes = []
    old_hash = present.pop("password_hash") if present else None
    if present != columns or not verify_password(user.password, old_hash):
        changes.append(f"user {user.username}")
        if write:
            store.put_user(user.sub, {**columns, "password_hash": hash_password(user.password)}, now)
    credential = store.totp(user.sub)
    held = decrypt(keys, credential.sealed_secret, belongs_to=totp_label(user.sub)).decode() if credential else None
    if held != user.totp_secret:
        changes.append(f"second factor of {user.username}")
        if write:
            sealed = seal_totp_secret(keys, user.sub, user.totp_secret) if user.totp_secret else None
            store.put_totp(user.sub, sealed, now)
    return changes
