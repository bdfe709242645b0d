"""One shard of the issuer's Token Status List: the reference of a token to it, and what the list says of it.

Spec: draft-ietf-oauth-status-list-17 s4.1, s5.1, s6.2, s8.3
Out: a StatusList whose signature, type, subject, bits and size are as this API accepts them. Whether it is recent
enough is for `status.cache`.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.bearer.challenge import InvalidToken
from shared.bearer.keys import jws

#: Tokens of one shard, one bit each, and the bytes that their bits take.
SHARD_SIZE = 131_072
MAX_INFLATED_BYTES = SHARD_SIZE // 8
#: The largest token that is read: incompressible bits, in base64url twice, and the other claims.
MAX_TOKEN_BYTES = 65_536
MEDIA_TYPE = "application/statuslist+jwt"
#: The issuer's own claim: which state of the shard this is. It grows with every change and never goes back.
VERSION_CLAIM = "urn:company:status_version"
#: How often to look when the list does not say, and the bounds of what it may say.
DEFAULT_TTL, MIN_TTL, MAX_TTL = timedelta(seconds=15), timedelta(seconds=1), timedelta(minutes=5)

#: What clocks may differ by at most.
MAX_LEEWAY = timedelta(seconds=120)

_TYPES = frozenset({"statuslist+jwt", MEDIA_TYPE})
_SHARD = re.compile(r"/status/(0|[1-9][0-9]{0,8})", re.ASCII)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class BadStatusList(ValueError):
    """The document is not a status list that this verifier can use; the message says why."""


@dataclass(frozen=True, slots=True)
class StatusReference:
    """The reference of a token's status: the bit `index` of shard number `shard`."""

    shard: int
    index: int


@dataclass(frozen=True)
class StatusList:
    """One state of one shard. `token` is the signed text; `kid` signed it."""

    token: str
    kid: str
    version: int
    issued_at: datetime
    expires_at: datetime
    ttl: timedelta
    bits: bytes

    def is_current(self, now: datetime, *, stale: timedelta = timedelta(0)) -> bool:
        """Return whether the list may be used: until `stale` past its `exp`, and not before it was made.

        A list from the future was fetched before the clock was set back: how old it is cannot be told.
        """
        return self.issued_at - MAX_LEEWAY <= now < self.expires_at + stale

    def is_set(self, index: int) -> bool:
        """Return whether the token at `index` is revoked. The lowest bit of a byte comes first (s4.1).

        Raises:
            InvalidToken: the list does not reach that far.
        """
        if index >= len(self.bits) * 8:
            raise InvalidToken("status_index")
        return bool(self.bits[index >> 3] >> (index & 7) & 1)


def status_reference(claims: Mapping[str, Any], issuer: str) -> StatusReference | None:
    """Return what a verified token says of its status, None if nothing.

    Raises:
        InvalidToken: it says it in another form, or names a list that is not this issuer's.
    """
    if "status" not in claims:
        return None
    status = claims["status"]
    found = status.get("status_list") if isinstance(status, dict) else None
    index, uri = (found.get("idx"), found.get("uri")) if isinstance(found, dict) else (None, None)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0 or not isinstance(uri, str):
        raise InvalidToken("claim_status")
    shard = _SHARD.fullmatch(uri.removeprefix(issuer)) if uri.startswith(issuer) else None
    if shard is None:
        raise InvalidToken("status_uri")
    return StatusReference(int(shard[1]), index)


def signing_kid(token: str) -> str:
    """Return which key a status list claims to be signed by.

    Raises:
        BadStatusList: it is not a token of that type.
    """
    try:
        return jws.key_id(token, _TYPES, MAX_TOKEN_BYTES)
    except InvalidToken as error:
        raise BadStatusList(error.reason) from error


def read_status_list(token: str, public_key: RSAPublicKey, *, uri: str, now: datetime, leeway: timedelta) -> StatusList:
    """Return the list of a token whose header `signing_kid` has accepted; one past its `exp` is returned too.

    Raises:
        BadStatusList: forged, of another shard, from the future, not one bit a token, too large, or without version.
    """
    try:
        claims = jws.verified_claims(token, public_key)
        issued_at, expires_at = jws.moment_of(claims, "iat"), jws.moment_of(claims, "exp")
    except InvalidToken as error:
        raise BadStatusList(error.reason) from error
    if claims.get("sub") != uri:
        raise BadStatusList("of another shard")
    if issued_at > now + leeway:
        raise BadStatusList("issued in the future")
    version = claims.get(VERSION_CLAIM)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise BadStatusList("no version")
    return StatusList(
        token=token,
        kid=signing_kid(token),
        version=version,
        issued_at=issued_at,
        expires_at=expires_at,
        ttl=_ttl(claims),
        bits=_bits(claims.get("status_list")),
    )


def _ttl(claims: Mapping[str, Any]) -> timedelta:
    value = claims.get("ttl", DEFAULT_TTL.total_seconds())
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise BadStatusList("ttl is not a duration")
    return timedelta(seconds=min(max(value, MIN_TTL.total_seconds()), MAX_TTL.total_seconds()))


def _bits(status_list: Any) -> bytes:
    bits, packed = (status_list.get("bits"), status_list.get("lst")) if isinstance(status_list, dict) else (0, None)
    if bits != 1 or isinstance(bits, bool):
        raise BadStatusList("not one bit a token")
    if not isinstance(packed, str) or _BASE64URL.fullmatch(packed) is None:
        raise BadStatusList("no list")
    inflater = zlib.decompressobj()
    try:
        # one byte over the limit is enough to know: what a bomb would grow to is never held
        inflated = inflater.decompress(jws.decoded(packed), MAX_INFLATED_BYTES + 1)
    except (zlib.error, InvalidToken) as error:
        raise BadStatusList("not compressed by zlib") from error
    if len(inflated) > MAX_INFLATED_BYTES:
        raise BadStatusList(f"more than {MAX_INFLATED_BYTES} bytes")
    if not inflater.eof or inflater.unused_data:
        raise BadStatusList("cut off, or followed by something else")
    return inflated
