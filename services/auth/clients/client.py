"""Clients: the applications that ask for tokens, and how each proves who it is.

Spec: RFC 6749 s2, RFC 9700 s2.1
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from services.auth.clients.redirect_uris import is_registered, origin_of_address
from services.auth.clients.registration import ClientMetadata
from services.auth.opaque_token import digest

#: A client holds two secrets at most; these are not a digest of anything.
MOST_SECRETS = 2
_NO_SECRETS = (bytes(32),) * MOST_SECRETS


@dataclass(frozen=True, kw_only=True)
class Client(ClientMetadata):
    """One registered client: its metadata, the digests of its secrets, and since when it is disabled."""

    secret_hashes: tuple[bytes, ...]
    disabled_at: datetime | None

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
        """Report whether `uri` is registered: the exact string, but for the port of a loopback address."""
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
