"""Client assertions: a client proves who it is by a JWT that it has signed, each one good once.

Spec: RFC 7523 s2.2 and s3, OpenID Connect Core s9 (private_key_jwt), RFC 8725 s3; Policy: ADR-0019
Keys come from the client's registration alone, by value. PyJWT checks the signature; every claim is checked here.
"""

import functools
import json
import math
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import jwt

from services.auth.audit import Refusal
from services.auth.clients.client import Client
from services.auth.clients.metadata import ASSERTION_ALGORITHMS
from services.auth.clients.registration import PublicJwk
from services.auth.opaque_token import digest
from shared.clock import epoch, moment

#: The one `client_assertion_type` (RFC 7523 s2.2).
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: How far ahead an assertion may expire, and what clocks may differ by.
LONGEST_LIFETIME, LEEWAY = timedelta(hours=1), timedelta(seconds=30)
#: Characters of the longest assertion that is looked at.
MAX_LENGTH = 8192

_TYPES = frozenset({None, "JWT", "client-authentication+jwt"})
#: Headers by which an assertion would bring its own key, or change what is signed.
_REFUSED_HEADERS = frozenset({"crit", "jwk", "jku", "x5c", "x5u", "b64"})


class AssertionUse(NamedTuple):
    """What is kept of a good assertion, so that it is never good again."""

    client_id: str
    jti_hash: bytes
    expires_at: datetime


class UsedAssertions(Protocol):
    """The port that storage implements."""

    def use(self, assertion: AssertionUse, now: datetime) -> bool:
        """Write it down, in one statement; False when it was there."""
        ...


def claimed_client(assertion: str) -> str | None:
    """Return the `sub` that an assertion claims, for finding the keys. Nothing is verified."""
    if len(assertion) > MAX_LENGTH:
        return None
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    subject = claims.get("sub")
    # a NUL or half a surrogate pair is not part of a name, and no database takes it in a question
    return subject if isinstance(subject, str) and subject and subject.isprintable() else None


def verify_assertion(
    assertion: str, client: Client, *, issuer: str, addresses: frozenset[str], now: datetime
) -> AssertionUse | Refusal:
    """Return how to write down the use of an assertion of this client, or what is wrong with it.

    Its audience is the issuer or, unless the client's metadata wants the issuer alone, one of `addresses`.
    Does NOT know whether it was used before.
    """
    claims = _signed_claims(assertion, client)
    if claims is None:
        return Refusal.CLIENT_ASSERTION_SIGNATURE
    if not claims.get("iss") == claims.get("sub") == client.client_id:
        return Refusal.CLIENT_ASSERTION_ISSUER
    accepted = {issuer} if client.assertion_audience == "issuer" else {issuer, *addresses}
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    # one for us and somebody else is one that somebody else could present
    if not isinstance(named, list) or not named or not all(isinstance(one, str) and one in accepted for one in named):
        return Refusal.CLIENT_ASSERTION_AUDIENCE
    expires_at, jti = _expiry(claims, now), claims.get("jti")
    if expires_at is None:
        return Refusal.CLIENT_ASSERTION_TIMES
    if not isinstance(jti, str) or not jti or not jti.isprintable():
        return Refusal.CLIENT_ASSERTION_JTI
    return AssertionUse(client.client_id, digest(jti), expires_at + LEEWAY)


def _signed_claims(assertion: str, client: Client) -> dict[str, Any] | None:
    try:
        header = jwt.get_unverified_header(assertion)
        key = _key_for(header, client)
        if header.get("typ") not in _TYPES or _REFUSED_HEADERS & set(header) or key is None:
            return None
        algorithm = header["alg"]
        pinned = client.assertion_algorithm or key.alg or algorithm
        if algorithm != pinned or algorithm not in ASSERTION_ALGORITHMS[key.kty]:
            return None
        payload = jwt.PyJWS(algorithms=[algorithm]).decode(
            assertion, _public_key(key, algorithm), algorithms=[algorithm]
        )
        claims = json.loads(payload)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _key_for(header: dict[str, Any], client: Client) -> PublicJwk | None:
    """Return the registered key that the header names; without a name, the only one there is."""
    kid = header.get("kid")
    if kid is None:
        return client.assertion_keys[0] if len(client.assertion_keys) == 1 else None
    return next((key for key in client.assertion_keys if key.kid == kid), None)


@functools.lru_cache(maxsize=1024)
def _public_key(jwk: PublicJwk, algorithm: str) -> Any:
    return jwt.PyJWK(jwk.members(), algorithm=algorithm).key


def _expiry(claims: dict[str, Any], now: datetime) -> datetime | None:
    """Return when the assertion expires, if its times are sound (RFC 7523 s3: exp demanded, iat and nbf optional)."""
    seconds, leeway = epoch(now), LEEWAY.total_seconds()
    expires, begins = claims.get("exp", math.nan), [claims[name] for name in ("iat", "nbf") if name in claims]
    if not all(_is_number(value) for value in (expires, *begins)):
        return None
    if expires <= seconds - leeway or expires > seconds + LONGEST_LIFETIME.total_seconds() + leeway:
        return None
    if any(value > seconds + leeway for value in begins):
        return None
    return moment(expires)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
