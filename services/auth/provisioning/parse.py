"""Configuration as code: the users, clients and APIs that a file asks for, and what is wrong with it.

Spec: RFC 7591 s2 (names of client metadata), OpenID Connect Registration s2
"""

from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from services.auth.clients.app_links import association_fault
from services.auth.clients.metadata import (
    backchannel_logout_uri_fault,
    can_sign,
    doubled_address,
    jwks_fault,
    return_address_fault,
    unknown_name_fault,
)
from services.auth.clients.redirect_uris import origin_fault
from services.auth.provisioning.entries import STRICT, ApiEntry, ScopeEntry, UserEntry
from services.auth.scopes import OIDC_SCOPES, split_scope
from shared.errors import ConfigurationError

#: Part of every secret that is published in the repository.
_PUBLISHED_SECRET = "for-local-use-only"


GrantType = Literal[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:token-exchange",
]

_TEN_YEARS = 10 * 366 * 86_400

#: How a client can be registered to authenticate; discovery says these.
AuthMethod = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
AUTH_METHODS: tuple[str, ...] = get_args(AuthMethod)


class _Entry(BaseModel):
    model_config = STRICT


class ExchangeTargetEntry(_Entry):
    """An API that a client may exchange tokens for, and the scopes that it may get there."""

    resource: str
    scope: str = Field(min_length=1)


class ClientEntry(_Entry):
    """One client, in RFC 7591's names; ours stand last. Lifetimes are seconds."""

    client_id: str = Field(pattern=r"^[A-Za-z0-9._~-]+$", max_length=200)
    client_name: str = Field(max_length=200)
    application_type: Literal["native", "web"]
    token_endpoint_auth_method: AuthMethod
    client_secret: str | None = Field(default=None, min_length=32, repr=False)
    grant_types: list[GrantType]
    response_types: list[Literal["code"]] = []
    redirect_uris: list[str] = []
    post_logout_redirect_uris: list[str] = []
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False  # `sid` is in every logout token anyway
    jwks: dict[str, Any] | None = None
    token_endpoint_auth_signing_alg: Literal["RS256", "PS256", "ES256"] | None = None
    scope: str = ""
    default_max_age: int | None = Field(default=None, ge=0, le=_TEN_YEARS)
    require_auth_time: bool = False  # every ID token has it
    require_pushed_authorization_requests: bool = False
    first_party: bool = False
    allow_undotted_scheme: bool = False
    always_continue: bool = False
    also_allow_client_secret_post: bool = False
    require_pkce: bool = True
    require_mfa: bool = False
    allowed_origins: list[str] = []
    android_package_name: str | None = None
    android_sha256_cert_fingerprints: list[str] = []
    apple_app_ids: list[str] = []
    access_token_lifetime: int | None = Field(default=None, ge=60, le=3600)
    refresh_retry_window: int | None = Field(default=None, ge=0, le=600)
    refresh_idle_lifetime: int | None = Field(default=None, ge=60, le=_TEN_YEARS)
    refresh_absolute_lifetime: int | None = Field(default=None, ge=60, le=_TEN_YEARS)
    resource_identifiers: list[str] = []
    introspection: bool = False
    client_assertion_audience: Literal["issuer", "endpoint"] | None = None
    token_exchange_targets: list[ExchangeTargetEntry] = []

    @field_validator("client_name")
    @classmethod
    def _shown_as_it_is(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("is shown to people: write a name without control or direction characters")
        return value

    @field_validator("redirect_uris", "post_logout_redirect_uris")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        try:
            doubled = doubled_address(value)
        except ValueError:
            return value  # what is no address is named when each is looked at
        if doubled is not None:
            raise ValueError(f"{doubled!r} stands there twice, but for a port that makes no difference; remove one")
        return value

    @field_validator("jwks")
    @classmethod
    def _public_keys(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and (fault := jwks_fault(value)):
            raise ValueError(fault)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "ClientEntry":
        public = self.token_endpoint_auth_method == "none"
        if public and (self.client_secret or self.also_allow_client_secret_post):
            raise ValueError("a public client holds no secret; remove it or set a token_endpoint_auth_method")
        if self._by_key and self.client_secret:
            raise ValueError("a client that signs its assertions holds no secret; remove client_secret")
        if not public and not self._by_key and not self.client_secret:
            raise ValueError("a confidential client needs a client_secret of 32 characters or more")
        if public and not self.require_pkce:
            raise ValueError("require_pkce can be false for a confidential client alone")
        if public and "client_credentials" in self.grant_types:
            raise ValueError("client_credentials needs a confidential client")
        if fault := association_fault(self):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _introspection_fits(self) -> "ClientEntry":
        if self.introspection and (self.token_endpoint_auth_method == "none" or not self.resource_identifiers):
            raise ValueError("introspection needs a confidential client with resource_identifiers")
        return self

    @model_validator(mode="after")
    def _exchange_fits(self) -> "ClientEntry":
        exchanges = any(grant.endswith(":token-exchange") for grant in self.grant_types)
        if exchanges and self.token_endpoint_auth_method == "none":
            raise ValueError("token exchange needs a confidential client")
        if exchanges != bool(self.token_exchange_targets) or (exchanges and not self.resource_identifiers):
            raise ValueError("token exchange comes with resource_identifiers and token_exchange_targets")
        return self

    @model_validator(mode="after")
    def _grants_fit(self) -> "ClientEntry":
        by_code = "authorization_code" in self.grant_types
        if by_code != bool(self.redirect_uris):
            raise ValueError("redirect_uris and the grant type authorization_code come together; add or remove one")
        if "response_types" in self.model_fields_set and by_code != bool(self.response_types):
            raise ValueError("response_types [code] and the grant type authorization_code come together")
        if "refresh_token" in self.grant_types and not by_code:
            raise ValueError("the grant type refresh_token comes with authorization_code; add it or remove this one")
        if not by_code and (self.post_logout_redirect_uris or self.backchannel_logout_uri):
            raise ValueError("who signs nobody in is told of no logout: remove the post-logout and back-channel URIs")
        return self

    @model_validator(mode="after")
    def _keys_fit(self) -> "ClientEntry":
        if self._by_key != (self.jwks is not None):
            raise ValueError("jwks and the token_endpoint_auth_method private_key_jwt come together; add or remove one")
        if self.token_endpoint_auth_signing_alg and not self._by_key:
            raise ValueError("token_endpoint_auth_signing_alg is for private_key_jwt alone; remove it")
        if self.jwks and (alg := self.token_endpoint_auth_signing_alg) and not can_sign(self.jwks, alg):
            raise ValueError(f"no key of jwks is for {alg}; add one, or set another token_endpoint_auth_signing_alg")
        if self.client_assertion_audience and not self._by_key:
            raise ValueError("client_assertion_audience is for private_key_jwt alone; remove it")
        return self

    @property
    def _by_key(self) -> bool:
        method: str = self.token_endpoint_auth_method
        return method == "private_key_jwt"

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
        raise ConfigurationError(_first_fault(error, content)) from error
    _refuse_doubles("users", [str(user.sub) for user in configuration.users])
    _refuse_doubles("users", [user.username for user in configuration.users])
    _refuse_doubles("apis", [api.identifier for api in configuration.apis])
    _refuse_doubles("apis", [scope.name for api in configuration.apis for scope in api.scopes])
    _refuse_doubles("clients", [client.client_id for client in configuration.clients])
    _refuse_doubles("clients", [client.client_id.lower() for client in configuration.clients])
    for client in configuration.clients:
        _check_client(client, configuration, local=local)
    if not local and configuration.users:
        raise ConfigurationError("users: a file with passwords is refused with ENVIRONMENT=production")
    return configuration


_SECTIONS: dict[str, tuple[type[BaseModel], str]] = {
    "users": (UserEntry, "username"),
    "apis": (ApiEntry, "identifier"),
    "clients": (ClientEntry, "client_id"),
}


def _first_fault(error: ValidationError, content: dict[str, Any]) -> str:
    """Return one line: where the first fault is, by the entry's own name, and what to change."""
    first = error.errors(include_input=False)[0]
    where, said = list(first["loc"]), str(first["msg"]).removeprefix("Value error, ")
    model, naming = _SECTIONS.get(str(where[0]), (Configuration, ""))
    if first["type"] == "extra_forbidden":
        nested = ScopeEntry if where[:1] == ["apis"] and "scopes" in where else model
        said = unknown_name_fault(str(where[-1]), (nested if len(where) > 1 else Configuration).model_fields)
    if naming and len(where) > 1:
        name = content[str(where[0])][where[1]]
        name = name.get(naming) if isinstance(name, dict) else None
        if isinstance(name, str) and name.isprintable() and 0 < len(name) <= 100:
            where[1] = name
    return f"{'.'.join(map(str, where))}: {said}"


def _refuse_doubles(section: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{section}: {name} stands there twice")


def _check_client(client: ClientEntry, configuration: Configuration, *, local: bool) -> None:
    for name, uris in (
        ("redirect_uris", client.redirect_uris),
        ("post_logout_redirect_uris", client.post_logout_redirect_uris),
    ):
        for uri in uris:
            if fault := return_address_fault(
                uri, client.application_type, allow_undotted_scheme=client.allow_undotted_scheme, local=local
            ):
                raise ConfigurationError(f"clients.{client.client_id}.{name}: {fault}")
    if client.backchannel_logout_uri is not None and (
        fault := backchannel_logout_uri_fault(client.backchannel_logout_uri, local=local)
    ):
        raise ConfigurationError(f"clients.{client.client_id}.backchannel_logout_uri: {fault}")
    for origin in client.allowed_origins:
        if fault := origin_fault(origin, local=local):
            raise ConfigurationError(f"clients.{client.client_id}.allowed_origins: {fault}")
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
