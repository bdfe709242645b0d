"""Configuration as code: the users, clients and APIs that a file asks for, and what is wrong with it.

Spec: RFC 7591 s2 (names of client metadata), OpenID Connect Registration s2
"""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.auth.clients import redirect_uri_fault
from services.auth.passwords import is_too_long
from services.auth.scopes import OIDC_SCOPES, split_scope
from services.auth.users import claim_fault, normalise_username
from shared.errors import ConfigurationError

#: Part of every secret that is published in the repository.
_PUBLISHED_SECRET = "for-local-use-only"


TokenExchange = Literal["urn:ietf:params:oauth:grant-type:token-exchange"]

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


class ExchangeTargetEntry(_Entry):
    """An API that a client may exchange tokens for, and the scopes that it may get there."""

    resource: str
    scope: str = Field(min_length=1)


class ClientEntry(_Entry):
    """One client, in RFC 7591's names; ours stand last. Lifetimes are seconds."""

    client_id: str = Field(pattern=r"^[A-Za-z0-9._~-]+$", max_length=200)
    client_name: str = Field(max_length=200)
    application_type: Literal["native", "web"]
    token_endpoint_auth_method: Literal["none", "client_secret_basic", "client_secret_post"]
    client_secret: str | None = Field(default=None, min_length=32, repr=False)
    grant_types: list[Literal["authorization_code", "refresh_token", "client_credentials"] | TokenExchange]
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
    resource_identifiers: list[str] = []
    token_exchange_targets: list[ExchangeTargetEntry] = []

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

    @model_validator(mode="after")
    def _exchange_fits(self) -> "ClientEntry":
        exchanges = any(grant.endswith(":token-exchange") for grant in self.grant_types)
        if exchanges and self.token_endpoint_auth_method == "none":
            raise ValueError("token exchange needs a confidential client")
        if exchanges != bool(self.token_exchange_targets) or (exchanges and not self.resource_identifiers):
            raise ValueError("token exchange comes with resource_identifiers and token_exchange_targets")
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
    _check_resources(client, configuration.apis)
    if not local and client.client_secret and _PUBLISHED_SECRET in client.client_secret:
        raise ConfigurationError(f"clients.{client.client_id}.client_secret: a published secret; make your own")


def _check_resources(client: ClientEntry, apis: list[ApiEntry]) -> None:
    scopes = {api.identifier: api.scopes for api in apis}
    if unknown := sorted(set(client.resource_identifiers) - set(scopes)):
        raise ConfigurationError(f"clients.{client.client_id}.resource_identifiers: {unknown[0]} is no API")
    for target in client.token_exchange_targets:
        where = f"clients.{client.client_id}.token_exchange_targets: {target.resource}"
        if target.resource not in scopes or target.resource in client.resource_identifiers:
            raise ConfigurationError(f"{where} must be an API, and another one than the client's own")
        tradable = {scope.name for scope in scopes[target.resource] if not scope.machine_only and scope.role is None}
        if not split_scope(target.scope) <= tradable & split_scope(client.scope):
            raise ConfigurationError(f"{where}: its scopes must be that API's, a person's, and in the client's scope")
