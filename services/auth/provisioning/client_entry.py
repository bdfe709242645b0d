"""The entry of a configuration file that is a client: what is registered, the secret, and what is wrong with it.

Spec: RFC 7591 s2 (names and defaults of client metadata), OpenID Connect Registration s2; Policy: ADR-0065
"""

import re
from collections.abc import Mapping
from dataclasses import field, fields
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationInfo, field_validator, model_validator
from pydantic.dataclasses import dataclass

from services.auth.brand import is_link, picture_of
from services.auth.clients.app_links import association_fault
from services.auth.clients.metadata import can_sign, doubled_address_fault, jwks_fault
from services.auth.clients.registration import ClientMetadata

_TEN_YEARS = timedelta(days=3660)
#: The shortest and longest of each lifetime that a client may have of its own.
_BOUNDS: Final = {
    "access_token_lifetime": (timedelta(seconds=60), timedelta(hours=1)),
    "refresh_retry_window": (timedelta(0), timedelta(minutes=10)),
    "refresh_idle_lifetime": (timedelta(seconds=60), _TEN_YEARS),
    "refresh_absolute_lifetime": (timedelta(seconds=60), _TEN_YEARS),
}


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", hide_input_in_errors=True))
class ClientEntry(ClientMetadata):
    """One client in RFC 7591's names. What is here beside the metadata is not kept in the row."""

    client_secret: Annotated[str | None, Field(min_length=32, max_length=1000)] = field(default=None, repr=False)
    response_types: list[Literal["code"]] | None = None
    backchannel_logout_session_required: bool = False  # `sid` is in every logout token anyway
    require_auth_time: bool = False  # every ID token has it
    also_allow_client_secret_post: bool = False  # basic and post are one method

    @field_validator("client_id")
    @classmethod
    def _of_safe_characters(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._~-]{1,200}", value):
            raise ValueError("write 1 to 200 letters, digits and . _ ~ -")
        return value

    @field_validator("name")
    @classmethod
    def _shown_as_it_is(cls, value: str) -> str:
        if not value.strip() or not value.isprintable() or len(value) > 200:
            raise ValueError("is shown to people: write a name without control or direction characters, of at most 200")
        return value

    @field_validator("redirect_uris", "post_logout_redirect_uris")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if fault := doubled_address_fault(value):
            raise ValueError(fault)
        return value

    @field_validator("assertion_keys", mode="before")
    @classmethod
    def _public_keys(cls, value: object) -> object:
        if value is not None and (fault := jwks_fault(value)):
            raise ValueError(fault)
        return value

    @field_validator("policy_uri", "tos_uri")
    @classmethod
    def _a_link(cls, value: str | None) -> str | None:
        if value is not None and not is_link(value):
            raise ValueError("people are led there: write an https address")
        return value

    @field_validator("logo_uri")
    @classmethod
    def _a_picture(cls, value: str | None) -> str | None:
        if value is None or is_link(value):
            return value
        if not value.startswith("data:"):
            raise ValueError("write an https address, which is kept and not shown, or a data: URI, which is shown")
        return picture_of(value)

    @field_validator("default_max_age")
    @classmethod
    def _an_age(cls, value: int | None) -> int | None:
        if value is not None and not 0 <= value <= _TEN_YEARS.total_seconds():
            raise ValueError("must be 0 to ten years, in seconds")
        return value

    @field_validator(*_BOUNDS)
    @classmethod
    def _in_bounds(cls, value: timedelta | None, info: ValidationInfo) -> timedelta | None:
        shortest, longest = _BOUNDS[str(info.field_name)]
        if value is not None and (not shortest <= value <= longest or value.microseconds):
            raise ValueError(
                f"Input should be {shortest.total_seconds():.0f} to {longest.total_seconds():.0f} whole seconds"
            )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        public = self.public
        if public and (self.client_secret or self.also_allow_client_secret_post):
            raise ValueError("a public client holds no secret; remove it or set a token_endpoint_auth_method")
        if self._by_key and self.client_secret:
            raise ValueError("a client that signs its assertions holds no secret; remove client_secret")
        if not public and not self._by_key and not self.client_secret:
            raise ValueError(
                "a confidential client needs a client_secret of 32 characters or more; "
                "one without a secret sets token_endpoint_auth_method: none"
            )
        if public and not self.require_pkce:
            raise ValueError("require_pkce can be false for a confidential client alone")
        if public and "client_credentials" in self.grant_types:
            raise ValueError("client_credentials needs a confidential client")
        if fault := association_fault(self):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _introspection_fits(self) -> Self:
        if self.introspection and (self.public or not self.resource_identifiers):
            raise ValueError("introspection needs a confidential client with resource_identifiers")
        return self

    @model_validator(mode="after")
    def _exchange_fits(self) -> Self:
        exchanges = any(grant.endswith(":token-exchange") for grant in self.grant_types)
        if exchanges and self.public:
            raise ValueError("token exchange needs a confidential client")
        if exchanges != bool(self.exchange_targets) or (exchanges and not self.resource_identifiers):
            raise ValueError("token exchange comes with resource_identifiers and token_exchange_targets")
        return self

    @model_validator(mode="after")
    def _grants_fit(self) -> Self:
        by_code = "authorization_code" in self.grant_types
        if by_code != bool(self.redirect_uris):
            raise ValueError("redirect_uris and the grant type authorization_code come together; add or remove one")
        if self.response_types is not None and by_code != bool(self.response_types):
            raise ValueError("response_types [code] and the grant type authorization_code come together")
        by_device = any(grant.endswith(":device_code") for grant in self.grant_types)
        if by_device and self.application_type != "native":  # people find it among their devices, and can end it there
            raise ValueError("the device grant is for application_type: native; set it")
        signs_in = by_code or by_device
        if "refresh_token" in self.grant_types and not signs_in:
            raise ValueError(
                "the grant type refresh_token comes with authorization_code or device_code; add one or remove this one"
            )
        if not by_code and (self.post_logout_redirect_uris or self.backchannel_logout_uri):
            raise ValueError("who signs nobody in is told of no logout: remove the post-logout and back-channel URIs")
        return self

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        if self._by_key != bool(self.assertion_keys):
            raise ValueError("jwks and the token_endpoint_auth_method private_key_jwt come together; add or remove one")
        if self.assertion_algorithm and not self._by_key:
            raise ValueError("token_endpoint_auth_signing_alg is for private_key_jwt alone; remove it")
        if (alg := self.assertion_algorithm) and not can_sign(self.assertion_keys, alg):
            raise ValueError(f"no key of jwks is for {alg}; add one, or set another token_endpoint_auth_signing_alg")
        if self.assertion_audience != "issuer" and not self._by_key:
            raise ValueError("client_assertion_audience is for private_key_jwt alone; remove it")
        return self

    @property
    def _by_key(self) -> bool:
        return self.auth_method == "private_key_jwt"

    def registered(self) -> ClientMetadata:
        """Return what the row keeps: everything but the secret and what says nothing here."""
        return ClientMetadata(**{one.name: getattr(self, one.name) for one in fields(ClientMetadata)})

    def metadata(self) -> dict[str, Any]:
        """Return it as the row keeps it, in the names of the wire; the id has a column of its own."""
        return wire_metadata(self.registered())


def wire_metadata(client: ClientMetadata) -> dict[str, Any]:
    """Return a client's metadata in the names of the wire, without its id."""
    members: dict[str, Any] = _METADATA.dump_python(client, mode="json", by_alias=True, exclude={"client_id"})
    return {name: value for name, value in members.items() if value is not None}


def stored_metadata(client_id: str, metadata: Mapping[str, Any]) -> ClientMetadata:
    """Return what a row keeps of a client."""
    return _METADATA.validate_python({**metadata, "client_id": client_id})


_METADATA: Final = TypeAdapter(ClientMetadata)
#: The names of an entry's members, as a file writes them.
CLIENT_NAMES: Final = frozenset(TypeAdapter(ClientEntry).json_schema()["properties"])
