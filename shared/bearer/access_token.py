"""Verifies a JWT access token, offline: header, key, signature, then claims, in that order.

Spec: RFC 9068 s4, RFC 8725 s3

PyJWT checks the signature and nothing else. Every claim is checked here, against `shared.clock`, with the whole list
spelled out. Does not check scopes: a token is good or bad by itself, and each route asks what it grants.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.bearer.challenge import InvalidToken
from shared.bearer.principal import Principal
from shared.clock import moment

#: The largest token that is looked at. The provider's are about 1 kB.
MAX_TOKEN_BYTES = 8192
#: What clocks may differ by, and the most that may be configured (RFC 7519 s4.1.4: "a few minutes").
LEEWAY, MAX_LEEWAY = timedelta(seconds=30), timedelta(seconds=120)

_ALGORITHM = "RS256"
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
# RFC 8725 s3.1: one algorithm is allowed, whatever the header says
_jws = jwt.PyJWS(algorithms=[_ALGORITHM])


@dataclass(frozen=True)
class AccessTokenRules:
    """Which tokens one API accepts. `max_lifetime` caps exp - iat, as the longest that the provider issues."""

    issuer: str
    audience: str
    max_lifetime: timedelta
    leeway: timedelta = LEEWAY

    def __post_init__(self) -> None:
        if not timedelta(0) <= self.leeway <= MAX_LEEWAY:
            raise ValueError(f"leeway: must lie between 0 and {MAX_LEEWAY.seconds} seconds")


def key_id(access_token: str) -> str:
    """Return the `kid` of a token whose header is acceptable; nothing is verified yet.

    Spec: RFC 9068 s4 (typ), RFC 8725 s3.1 (alg), RFC 7515 s4.1.11 (crit). `jku`, `x5u`, `x5c` and `jwk` are ignored:
    keys come from the configured issuer alone.

    Raises:
        InvalidToken: it is no JWT, or not of the type and algorithm that this API accepts.
    """
    if len(access_token) > MAX_TOKEN_BYTES:
        raise InvalidToken("too_large")
    if _COMPACT_JWS.fullmatch(access_token) is None:
        raise InvalidToken("not_a_jwt")
    header = _json_object(access_token.partition(".")[0])
    token_type, kid = header.get("typ"), header.get("kid")
    if not isinstance(token_type, str) or token_type.lower() not in _TYPES:  # media types ignore case
        raise InvalidToken("typ")
    if header.get("alg") != _ALGORITHM:
        raise InvalidToken("alg")
    if "crit" in header:  # we understand no extension
        raise InvalidToken("crit")
    if not isinstance(kid, str) or not kid:
        raise InvalidToken("no_kid")
    return kid


def verify(access_token: str, public_key: RSAPublicKey, rules: AccessTokenRules, now: datetime) -> Principal:
    """Return the principal of a token whose header `key_id` has accepted.

    Raises:
        InvalidToken: forged, expired, too long-lived, of another issuer, or meant for another API.
    """
    try:
        payload = _jws.decode_complete(access_token, public_key, algorithms=[_ALGORITHM])["payload"]
    except (jwt.PyJWTError, ValueError) as error:
        raise InvalidToken("signature") from error
    claims = _parse_object(payload)
    if claims.get("iss") != rules.issuer:
        raise InvalidToken("iss")
    audience = claims.get("aud")
    if rules.audience not in (audience if isinstance(audience, list) else [audience]):
        raise InvalidToken("aud")
    issued_at, expires_at = _lifetime(claims, rules, now)
    if "cnf" in claims:  # sender-constrained: its proof cannot be checked here yet, so it proves nothing
        raise InvalidToken("cnf")
    return Principal(
        issuer=rules.issuer,
        subject=_text(claims, "sub"),
        client_id=_text(claims, "client_id"),
        token_id=_text(claims, "jti"),
        scopes=frozenset(_text(claims, "scope", default="").split()),
        issued_at=issued_at,
        expires_at=expires_at,
        groups=_texts(claims, "groups"),
        roles=frozenset(_texts(claims, "roles")),
        acr=_text(claims, "acr") if "acr" in claims else None,
        auth_time=_moment(claims, "auth_time") if "auth_time" in claims else None,
        sid=_text(claims, "sid") if "sid" in claims else None,
        claims=claims,
    )


def is_unexpired(principal: Principal, rules: AccessTokenRules, now: datetime) -> bool:
    """Return whether the principal's token may still be used, the clocks' difference allowed for."""
    return now < principal.expires_at + rules.leeway


def _lifetime(claims: Mapping[str, Any], rules: AccessTokenRules, now: datetime) -> tuple[datetime, datetime]:
    """Return when the token was issued and when it expires (RFC 7519 s4.1.4-6)."""
    issued_at, expires_at = _moment(claims, "iat"), _moment(claims, "exp")
    if now >= expires_at + rules.leeway:
        raise InvalidToken("expired")
    if "nbf" in claims and now + rules.leeway < _moment(claims, "nbf"):
        raise InvalidToken("not_yet_valid")
    if now + rules.leeway < issued_at:
        raise InvalidToken("issued_in_future")
    if expires_at - issued_at > rules.max_lifetime:
        raise InvalidToken("lifetime")
    return issued_at, expires_at


def _json_object(segment: str) -> dict[str, Any]:
    try:
        return _parse_object(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except binascii.Error as error:
        raise InvalidToken("not_a_jwt") from error


def _parse_object(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text, object_pairs_hook=_unique_members)
    except (ValueError, RecursionError) as error:
        raise InvalidToken("not_json") from error
    if not isinstance(content, dict):
        raise InvalidToken("not_json")
    return content


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse repeated names (RFC 7515 s4, RFC 7519 s4): two readers could each take another one."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members


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


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidToken(f"claim_{name}")
    try:
        return moment(value)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidToken(f"claim_{name}") from error
