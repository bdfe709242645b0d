"""What a client registers: the one list of its metadata, which the configuration's entry, the row and `Client` share.

Spec: RFC 7591 s2 (names and defaults), OpenID Connect Registration s2; Policy: ADR-0065
A field is declared once: its name here, its name on the wire (`alias`), and what it is when a file leaves it out. In
Python there is no default, so that whoever builds one by hand says everything.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer

from services.auth.scopes import join_scopes, split_scope

GrantType = Literal[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:device_code",
]
#: How a client can be registered to authenticate; discovery says these.
AuthMethod = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
AUTH_METHODS: tuple[AuthMethod, ...] = get_args(AuthMethod)
#: Two ways to send one secret: whoever is registered for one may use the other.
BY_SECRET: frozenset[AuthMethod] = frozenset({"client_secret_basic", "client_secret_post"})


@dataclass(frozen=True, kw_only=True)
class PublicJwk:
    """The public half of a key that a client signs its assertions with (RFC 7517 s4, RFC 7518 s6)."""

    kty: Literal["RSA", "EC"]
    kid: Annotated[str | None, Field(default=None)]
    use: Annotated[str | None, Field(default=None)]
    alg: Annotated[str | None, Field(default=None)]
    n: Annotated[str | None, Field(default=None)]
    e: Annotated[str | None, Field(default=None)]
    crv: Annotated[str | None, Field(default=None)]
    x: Annotated[str | None, Field(default=None)]
    y: Annotated[str | None, Field(default=None)]

    def members(self) -> dict[str, str]:
        """Return the members that it has, as JSON writes them."""
        return {name: value for name, value in vars(self).items() if value is not None}


def _scopes_of(wire: object) -> object:
    return split_scope(wire) if isinstance(wire, str) else wire


def _keys_of(wire: object) -> object:
    return wire["keys"] if isinstance(wire, dict) and "keys" in wire else wire or ()


def _seconds(value: timedelta | None) -> int | None:
    return None if value is None else int(value.total_seconds())


def _scopes_when_left_out(given: dict[str, Any]) -> frozenset[str]:
    """Return `openid` for a client that signs people in: without a scope it could not."""
    return frozenset({"openid"}) if "authorization_code" in given.get("grant_types", ()) else frozenset()


Scopes = Annotated[frozenset[str], BeforeValidator(_scopes_of), PlainSerializer(join_scopes)]
Keys = Annotated[
    tuple[PublicJwk, ...],
    BeforeValidator(_keys_of),
    PlainSerializer(lambda keys: {"keys": [key.members() for key in keys]} if keys else None),
]
Grants = Annotated[frozenset[GrantType], PlainSerializer(sorted)]
#: On the wire whole seconds.
Seconds = Annotated[timedelta | None, PlainSerializer(_seconds), Field(default=None)]
Flag = Annotated[bool, Field(default=False)]
Address = Annotated[str | None, Field(default=None)]
Texts = Annotated[tuple[str, ...], Field(default=())]


@dataclass(frozen=True, kw_only=True)
class ExchangeTarget:
    """An API that a client may trade its callers' tokens for, and the scopes that it may get there."""

    resource: str
    scopes: Annotated[Scopes, Field(alias="scope", min_length=1)]


@dataclass(frozen=True, kw_only=True)
class ClientMetadata:
    """All that a client registers. Lifetimes that are None follow the settings."""

    client_id: str
    name: Annotated[str, Field(alias="client_name", default_factory=lambda given: given.get("client_id", ""))]
    application_type: Annotated[Literal["native", "web"], Field(default="web")]
    auth_method: Annotated[AuthMethod, Field(alias="token_endpoint_auth_method", default="client_secret_basic")]
    grant_types: Annotated[Grants, Field(default=frozenset({"authorization_code"}))]
    redirect_uris: Texts
    scopes: Annotated[Scopes, Field(alias="scope", default_factory=_scopes_when_left_out)]
    first_party: Flag
    allow_undotted_scheme: Flag
    always_continue: Flag
    require_pkce: Annotated[bool, Field(default=True)]
    require_mfa: Flag
    require_pushed_authorization_requests: Flag
    #: Whether its ID tokens carry the claims of the granted profile scopes, which /userinfo alone tells otherwise.
    id_token_profile_claims: Flag
    default_max_age: Annotated[int | None, Field(default=None)]
    #: JWKs by value, the algorithm that they sign with (None: by the key), and the audience that is wanted of it.
    assertion_keys: Annotated[Keys, Field(alias="jwks", default=())]
    assertion_algorithm: Annotated[
        Literal["RS256", "PS256", "ES256"] | None, Field(alias="token_endpoint_auth_signing_alg", default=None)
    ]
    assertion_audience: Annotated[
        Literal["issuer", "endpoint"], Field(alias="client_assertion_audience", default="issuer")
    ]
    post_logout_redirect_uris: Texts
    backchannel_logout_uri: Address
    allowed_origins: Texts
    #: What a client says of itself. Its logo is shown when it is a `data:` URI; no browser is sent for another one.
    logo_uri: Address
    policy_uri: Address
    tos_uri: Address
    android_package_name: Address
    android_sha256_cert_fingerprints: Texts
    apple_app_ids: Texts
    #: Whether tokens are bound to keys (RFC 9449 s5.2): True: all; None: those that a proof comes for; False: none.
    dpop_bound_access_tokens: Annotated[bool | None, Field(default=None)]
    access_token_lifetime: Seconds
    refresh_retry_window: Seconds
    refresh_idle_lifetime: Seconds
    refresh_absolute_lifetime: Seconds
    #: The APIs that this client speaks for: what `aud` holds in the tokens that it may ask about or trade.
    resource_identifiers: Texts
    introspection: Flag
    exchange_targets: Annotated[tuple[ExchangeTarget, ...], Field(alias="token_exchange_targets", default=())]

    @property
    def logo(self) -> str:
        """Its logo as far as pages show it."""
        return self.logo_uri if self.logo_uri is not None and self.logo_uri.startswith("data:") else ""

    @property
    def public(self) -> bool:
        return self.auth_method == "none"

    @property
    def auth_methods(self) -> frozenset[AuthMethod]:
        """How the client may authenticate at an endpoint."""
        return BY_SECRET if self.auth_method in BY_SECRET else frozenset({self.auth_method})
