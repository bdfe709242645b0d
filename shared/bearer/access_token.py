"""Verifies a JWT access token, offline: header, key, signature, then claims, in that order.

Spec: RFC 9068 s4, RFC 8725 s3, RFC 9449 s6.1

Every claim is checked here, against `shared.clock`, with the whole list spelled out. Does not check scopes (a token is
good or bad by itself, and each route asks what it grants), nor whether it was revoked: `status.cache` does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.bearer.challenge import InvalidToken
from shared.bearer.keys import jws
from shared.bearer.principal import Principal
from shared.bearer.status.status_list import MAX_LEEWAY, StatusReference, status_reference

#: The largest token that is looked at. The provider's are about 1 kB.
MAX_TOKEN_BYTES = 8192
#: What clocks may differ by; MAX_LEEWAY is the most that may be configured (RFC 7519 s4.1.4: "a few minutes").
LEEWAY = timedelta(seconds=30)

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
#: Claims that a Principal does not keep as claims: it has a field for each, or they were checked and are done with.
_FIELDS = frozenset(
    {"iss", "sub", "aud", "client_id", "jti", "scope", "iat", "exp", "nbf"}
    | {"groups", "roles", "acr", "auth_time", "sid", "status", "cnf"}
)


@dataclass(frozen=True)
class AccessTokenRules:
    """Which tokens one API accepts. `max_lifetime` caps exp - iat, as the longest that the provider issues.

    `require_status`: a token must name its place in the issuer's status list; one that does is always held to it.
    """

    issuer: str
    audience: str
    max_lifetime: timedelta
    leeway: timedelta = LEEWAY
    require_status: bool = True

    def __post_init__(self) -> None:
        if not (isinstance(self.issuer, str) and self.issuer and isinstance(self.audience, str) and self.audience):
            raise ValueError("issuer, audience: must be text and not empty")
        if self.max_lifetime <= timedelta(0):
            raise ValueError("max_lifetime: must be above 0")
        if not timedelta(0) <= self.leeway <= MAX_LEEWAY:
            raise ValueError(f"leeway: must lie between 0 and {MAX_LEEWAY.seconds} seconds")


def key_id(access_token: str) -> str:
    """Return the `kid` of a token whose header is acceptable (RFC 9068 s4: typ); nothing is verified yet.

    Raises:
        InvalidToken: it is not a JWT, or not of the type and algorithm that this API accepts.
    """
    return jws.key_id(access_token, _TYPES, MAX_TOKEN_BYTES)


def verify(access_token: str, public_key: RSAPublicKey, rules: AccessTokenRules, now: datetime) -> Principal:
    """Return the principal of a token whose header `key_id` has accepted.

    Raises:
        InvalidToken: forged, expired, too long-lived, of another issuer, or meant for another API.
    """
    claims = jws.verified_claims(access_token, public_key)
    if claims.get("iss") != rules.issuer:
        raise InvalidToken("iss")
    audience = claims.get("aud")
    if rules.audience not in (audience if isinstance(audience, list) else [audience]):
        raise InvalidToken("aud")
    issued_at, expires_at = _lifetime(claims, rules, now)
    return Principal(
        issuer=rules.issuer,
        subject=_text(claims, "sub"),
        client_id=_text(claims, "client_id"),
        token_id=_text(claims, "jti"),
        scopes=frozenset(filter(None, _text(claims, "scope", default="").split(" "))),
        issued_at=issued_at,
        expires_at=expires_at,
        groups=_texts(claims, "groups"),
        roles=frozenset(_texts(claims, "roles")),
        acr=_text(claims, "acr") if "acr" in claims else None,
        auth_time=jws.moment_of(claims, "auth_time") if "auth_time" in claims else None,
        sid=_text(claims, "sid") if "sid" in claims else None,
        status=_status(claims, rules),
        claims={name: value for name, value in claims.items() if name not in _FIELDS} or None,
        jkt=_key(claims),
        not_before=issued_at if "nbf" not in claims else max(issued_at, jws.moment_of(claims, "nbf")),
    )


def _lifetime(claims: Mapping[str, Any], rules: AccessTokenRules, now: datetime) -> tuple[datetime, datetime]:
    """Return when the token was issued and when it expires (RFC 7519 s4.1.4-6)."""
    issued_at, expires_at = jws.moment_of(claims, "iat"), jws.moment_of(claims, "exp")
    if now - rules.leeway >= expires_at:
        raise InvalidToken("expired")
    if "nbf" in claims and now + rules.leeway < jws.moment_of(claims, "nbf"):
        raise InvalidToken("not_yet_valid")
    if now + rules.leeway < issued_at:
        raise InvalidToken("issued_in_future")
    if expires_at - issued_at > rules.max_lifetime:
        raise InvalidToken("lifetime")
    return issued_at, expires_at


def _status(claims: Mapping[str, Any], rules: AccessTokenRules) -> StatusReference | None:
    reference = status_reference(claims, rules.issuer)
    if reference is None and rules.require_status:
        raise InvalidToken("no_status")
    return reference


def _key(claims: Mapping[str, Any]) -> str | None:
    """Return the thumbprint of the key that the token is bound to; what is bound by other means proves nothing here."""
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    if not isinstance(confirmation, dict) or set(confirmation) != {"jkt"}:
        raise InvalidToken("cnf")
    thumbprint = confirmation["jkt"]
    if not isinstance(thumbprint, str) or not _THUMBPRINT.fullmatch(thumbprint):
        raise InvalidToken("cnf")
    return thumbprint


def _text(claims: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    value = claims.get(name, default)
    if not isinstance(value, str) or (not value and default is None):
        raise InvalidToken(f"claim_{name}")
    return value


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = claims.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidToken(f"claim_{name}")
    return tuple(value)
