"""Clients: the applications that ask for tokens, and which redirect URIs are theirs.

Spec: RFC 7591 s2 (names), RFC 8252 s7 and s8, RFC 9700 s2.1 and s4.1.3, OpenID Connect Registration s2
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from services.auth.opaque_token import digest

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?((?:[/?].*)?)", re.DOTALL)
#: Schemes that run, show or send something, and those of other protocols.
_DANGEROUS_SCHEMES = frozenset(
    {"about", "blob", "chrome", "content", "data", "file", "filesystem", "ftp", "intent", "jar", "javascript"}
    | {"mailto", "resource", "sms", "tel", "vbscript", "view-source", "ws", "wss"}
)
#: A host and port: what goes into a Content-Security-Policy must not hold its separators.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_AND_PORT = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[::1\])(?::[1-9][0-9]{{0,4}})?")
_URI_CHARACTERS = re.compile(r"[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LONGEST_URI = 2000


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
        if uri in self.redirect_uris:
            return True
        asked = _LOOPBACK.fullmatch(uri)
        if asked is None:
            return False
        return any(
            registered is not None and registered.groups() == asked.groups()
            for registered in map(_LOOPBACK.fullmatch, self.redirect_uris)
        )


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


def identity_is_assured(redirect_uri: str) -> bool:
    """Say whether only the client itself can receive at this address.

    Any app on a device can take a custom scheme or a loopback port (RFC 8252 s8.6); an https address is proved by
    the name's owner. `http://localhost` of a web client in development counts as its owner's too.
    """
    scheme = urlsplit(redirect_uri).scheme
    return scheme in {"https", "http"} and _LOOPBACK.fullmatch(redirect_uri) is None


def origin_of_address(uri: str) -> str:
    """Return the origin of an http(s) address as browsers write it in `Origin` (RFC 6454 s6.2)."""
    parts = urlsplit(uri)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port in {None, default} else f":{parts.port}")


def origin_fault(origin: str, *, local: bool) -> str | None:
    """Return what is wrong with an origin to be allowed, and what to change; None: nothing."""
    if fault := redirect_uri_fault(origin, allow_undotted_scheme=False, local=local):
        return fault
    if urlsplit(origin).scheme not in {"http", "https"} or origin != origin_of_address(origin):
        return f"{origin}: an origin is scheme, host and port alone, as browsers write it: https://app.example.com"
    return None


def redirect_uri_fault(uri: str, *, allow_undotted_scheme: bool, local: bool) -> str | None:
    """Return what is wrong with a redirect URI to be registered, and what to change; None: nothing."""
    if fault := _spelling_fault(uri):
        return fault
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - parsed only when asked for
    except ValueError:
        return f"{uri}: is no address; check its host and port (1 to 65535)"
    scheme = parts.scheme
    if scheme and not uri.startswith(f"{scheme}:"):
        return f"{uri}: write the scheme in lower case, as it will come: {scheme}:"
    if scheme in {"http", "https"}:
        return _web_address_fault(uri, parts, local=local)
    if not scheme or scheme in _DANGEROUS_SCHEMES:
        return f"{uri}: a redirect is an https address, a loopback address or a private-use scheme"
    if "." not in scheme and not allow_undotted_scheme:
        return f"{uri}: a private-use scheme is a reversed domain name (com.example.app); see allow_undotted_scheme"
    return _path_fault(uri, parts)


def _spelling_fault(uri: str) -> str | None:
    shown = repr(uri[:100])
    if len(uri) > _LONGEST_URI:
        return f"{shown}...: an address has at most {_LONGEST_URI} characters"
    if "*" in uri:
        return f"{shown} may hold no wildcard; register each address in full"
    if "#" in uri:
        return f"{shown} may hold no fragment; remove # and what follows"
    if not _URI_CHARACTERS.fullmatch(uri):
        return f"{shown} may hold no space, quote, backslash, control or non-ASCII character; escape it (%20)"
    if _BROKEN_ESCAPE.search(uri):
        return f"{uri}: a % begins an escape of two digits; write %25 for the character itself"
    return None


def _web_address_fault(uri: str, parts: SplitResult, *, local: bool) -> str | None:
    if "@" in parts.netloc:
        return "an address may hold no user information; remove what stands before the @"  # it may be a password
    if not _HOST_AND_PORT.fullmatch(parts.netloc):
        return f"{uri}: write the whole address, with a host name (no dot at its end) and a port of 1 to 65535, if any"
    if parts.netloc != parts.netloc.lower():
        return f"{uri}: write the host in lower case, as browsers do: {parts.netloc.lower()}"
    if any(label.startswith("xn--") for label in (parts.hostname or "").split(".")):
        return f"{uri}: its host is punycode, which can be shown as another's name; use an ASCII host name"
    if fault := _path_fault(uri, parts):
        return fault
    if parts.scheme == "https" or _LOOPBACK.fullmatch(uri) or (local and parts.hostname == "localhost"):
        return None
    return f"{uri}: http is for loopback addresses (127.0.0.1, [::1]) alone; use https"


def _path_fault(uri: str, parts: SplitResult) -> str | None:
    if _DOT_SEGMENT.search(parts.path):
        return f"{uri}: its path may hold no . or .. segment; write where it leads"
    return None
