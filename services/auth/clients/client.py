"""A client: an application that asks for tokens, as it is registered.

Spec: RFC 7591 s2 (names), OpenID Connect Registration s2
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from services.auth.clients.redirect_uris import is_registered, origin_of_address
from services.auth.opaque_token import digest

#: A client holds two secrets at most; these are no digest of anything.
MOST_SECRETS = 2
_NO_SECRETS = (bytes(32),) * MOST_SECRETS


@dataclass(frozen=True)
class ExchangeTarget:
    """An API that a client may trade its callers' tokens for, and the scopes that it may get there."""

    resource: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class Client:
    """One registered client. Lifetimes that are None follow the settings."""

    client_id: str
    name: str
    application_type: str
    auth_methods: frozenset[str]
    grant_types: frozenset[str]
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    first_party: bool = False
    allow_undotted_scheme: bool = False
    always_continue: bool = False
    require_pkce: bool = True
    require_mfa: bool = False
    require_pushed_authorization_requests: bool = False
    default_max_age: int | None = None
    secret_hashes: tuple[bytes, ...] = ()
    #: JWKs by value, the algorithm that they sign with (None: by the key), and the audience that is wanted of it.
    assertion_keys: tuple[dict[str, Any], ...] = ()
    assertion_algorithm: str | None = None
    assertion_audience: str = "endpoint"
    disabled_at: datetime | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    allowed_origins: tuple[str, ...] = ()
    android_package_name: str | None = None
    android_sha256_cert_fingerprints: tuple[str, ...] = ()
    apple_app_ids: tuple[str, ...] = ()
    access_token_lifetime: timedelta | None = None
    refresh_retry_window: timedelta | None = None
    refresh_idle_lifetime: timedelta | None = None
    refresh_absolute_lifetime: timedelta | None = None
    #: The APIs that this client speaks for: what `aud` holds in the tokens that it may ask about or trade.
    resource_identifiers: tuple[str, ...] = ()
    introspection: bool = False
    exchange_targets: tuple[ExchangeTarget, ...] = ()

    @property
    def public(self) -> bool:
        return self.auth_methods == {"none"}

    @property
    def pkce_required(self) -> bool:
        """True for every public client, whatever its metadata says (RFC 9700 s2.1.1)."""
        return self.public or self.require_pkce

    @property
    def browser_origins(self) -> frozenset[str]:
        """The origins whose scripts may read our JSON answers: where its pages live, if it runs in a browser."""
        pages = self.redirect_uris if self.public and self.application_type == "web" else ()
        web = [uri for uri in pages if urlsplit(uri).scheme in {"http", "https"}]
        return frozenset(self.allowed_origins) | {origin_of_address(uri) for uri in web}

    def has_secret(self, secret: str) -> bool:
        """Compare in constant time with each secret that the client holds."""
        return secret_matches(secret, self.secret_hashes)

    def proves_itself_as(self, present: "Client") -> bool:
        """Say whether all that this client, as it was read before, proves itself by is still good."""
        return (
            self.auth_methods <= present.auth_methods
            and set(self.secret_hashes) <= set(present.secret_hashes)
            and all(key in present.assertion_keys for key in self.assertion_keys)
        )

    def speaks_for(self, audience: Sequence[str]) -> bool:
        """Say whether a token with this `aud` is meant for an API of this client."""
        return not set(self.resource_identifiers).isdisjoint(audience)

    def exchange_scopes(self, resource: str) -> frozenset[str] | None:
        """Return the scopes that this client may trade a caller's token for at an API; None: none of it."""
        found = (target.scopes for target in self.exchange_targets if target.resource == resource)
        return next(found, None)

    def may_return_to(self, redirect_uri: str) -> bool:
        """Say whether a request of this client may go on: it is enabled, and the address is (still) its own."""
        return self.disabled_at is None and self.has_redirect_uri(redirect_uri)

    def has_redirect_uri(self, uri: str) -> bool:
        """Say whether `uri` is registered: the exact string, but for the port of a loopback address."""
        return is_registered(uri, self.redirect_uris)


class Clients(Protocol):
    """The port that storage implements."""

    def find(self, client_id: str) -> Client | None: ...

    def enabled(self) -> tuple[Client, ...]:
        """Return every client that is not disabled, by id and without its secrets."""
        ...

    def touch(self, client_id: str, now: datetime) -> None:
        """Write the row, so that whoever holds it is waited for."""
        ...

    def set_disabled(self, client_id: str, at: datetime | None) -> bool:
        """Disable at this moment, or enable (None); False when it was so before, or there is no such client."""
        ...


def secret_matches(secret: str, known: Sequence[bytes]) -> bool:
    """Say whether `secret` is one of those with these digests; the work is the same for none, one or two."""
    given = digest(secret)
    matches = [hmac.compare_digest(given, one) for one in (*known, *_NO_SECRETS[len(known) :])]
    return any(matches)


def own_or(own: timedelta | None, default: timedelta) -> timedelta:
    """Return a client's own lifetime (zero is one), else the default."""
    return default if own is None else own
