"""What one sign-in gave the app, as /token answers it and as it is kept.

Spec: RFC 6749 s5.1, appendix A, OpenID Connect Core s3.1.3.3
"""

import re
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt

from mobile.errors import ProviderError

#: A refresh is due this long before the access token runs out, so that none expires on its way to an API.
EARLY = timedelta(seconds=30)

#: RFC 6749 appendix A.12: visible ASCII. Anything else cannot travel in a header.
_VISIBLE = re.compile(r"[\x21-\x7e]{1,16384}")


@dataclass(frozen=True)
class Tokens:
    """Access, refresh and ID token of one sign-in. Its repr shows none of them.

    `bound`: they are of no use without the app's key (RFC 9449).
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str = field(repr=False)
    expires_at: datetime
    scope: str
    bound: bool = False

    @property
    def claims(self) -> dict[str, Any]:
        """The ID token's claims. Not verified here: that was done before the token was stored."""
        claims: dict[str, Any] = jwt.decode(self.id_token, options={"verify_signature": False})
        return claims

    @property
    def ending(self) -> str:
        """The token to revoke when these are dropped: the one that ends most."""
        return self.refresh_token or self.access_token

    def due(self, now: datetime) -> bool:
        """Report whether it is time to refresh."""
        return now + EARLY >= self.expires_at if self.refresh_token else self.expired(now)

    def expired(self, now: datetime) -> bool:
        """Report whether the access token has run out."""
        return now >= self.expires_at

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "expires_at": self.expires_at.isoformat()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Tokens":
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it was changed since.
        """
        tokens = cls(**{**document, "expires_at": stored_moment(document["expires_at"])})
        kept = (tokens.access_token, tokens.id_token, *([] if tokens.refresh_token is None else [tokens.refresh_token]))
        texts = all(is_token(text) for text in kept) and isinstance(tokens.scope, str)
        if not texts or not isinstance(tokens.bound, bool):
            raise ValueError("not tokens")
        try:
            subject = tokens.claims["sub"]
        except jwt.PyJWTError as error:
            raise ValueError("not an ID token") from error
        if not isinstance(subject, str):
            raise TypeError("the ID token has no subject")
        return tokens


@dataclass(frozen=True)
class TokenAnswer:
    """An answer of /token as it came. Its tokens can be read, to be kept or revoked, before the answer is checked."""

    document: dict[str, Any] = field(repr=False)

    @property
    def refresh_token(self) -> str | None:
        """The refresh token, if there is one that could be sent."""
        return self._token("refresh_token")

    @property
    def id_token(self) -> str | None:
        """The ID token, if there is one."""
        return self._token("id_token")

    @property
    def ending(self) -> str | None:
        """The token to revoke if the answer is dropped; None: it holds none."""
        return self.refresh_token or self._token("access_token")

    @property
    def bound(self) -> bool:
        """Whether the tokens are bound to the key of the request's proof (RFC 9449 s5)."""
        return str(self.document.get("token_type", "")).lower() == "dpop"

    def require_usable(self, *, proved: bool = False) -> None:
        """Check all but the ID token. `proved`: the request held a proof, so that the tokens may be bound to its key.

        Raises:
            ProviderError: a token of another kind, no lifetime, or something else than tokens.
        """
        given = {name: value for name, value in self.document.items() if value is not None}
        if str(given.get("token_type", "")).lower() not in ({"bearer", "dpop"} if proved else {"bearer"}):
            raise ProviderError("the provider answered with a kind of token that this app cannot use")
        if not is_token(given.get("access_token")) or not _is_lifetime(given.get("expires_in")):
            raise ProviderError("the provider answered without an access token or its lifetime")
        if not all(is_token(given.get(name, "x")) for name in ("refresh_token", "id_token")):
            raise ProviderError("the provider answered with something else than tokens")
        if not isinstance(given.get("scope", ""), str):
            raise ProviderError("the provider answered with a scope that is not text")

    def tokens(self, asked_at: datetime, *, refresh_token: str | None, id_token: str, scope: str) -> Tokens:
        """Return the tokens of a usable answer to a request sent at `asked_at`.

        `scope` is what was asked for: an answer without one granted that (RFC 6749 s5.1).
        """
        return Tokens(
            access_token=self.document["access_token"],
            refresh_token=refresh_token,
            id_token=id_token,
            expires_at=asked_at + timedelta(seconds=self.document["expires_in"]),
            scope=self.document.get("scope") or scope,
            bound=self.bound,
        )

    def _token(self, name: str) -> str | None:
        value = self.document.get(name)
        return value if isinstance(value, str) and is_token(value) else None


def is_token(value: object) -> bool:
    """Report whether `value` is text that can travel as a token."""
    return isinstance(value, str) and _VISIBLE.fullmatch(value) is not None


def stored_moment(text: str) -> datetime:
    """Return the moment that a store holds.

    Raises:
        TypeError, ValueError: it is not text, not a moment, without its offset, or out of this age.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 2000 <= moment.year <= 9000:
        raise ValueError("not a moment that this app has stored")
    return moment


def _is_lifetime(seconds: object) -> bool:
    return isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < 10**9
