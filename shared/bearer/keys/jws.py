"""A compact JWS of the issuer's: its header read with suspicion, its signature verified, its payload one object.

Spec: RFC 7515 s4, RFC 8725 s3

PyJWT checks the signature and nothing else. One algorithm is allowed, whatever the header says, and keys come from
the configured issuer alone: `jku`, `x5u`, `x5c` and `jwk` are ignored.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.bearer.challenge import InvalidToken
from shared.clock import moment

_ALGORITHM = "RS256"
_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_jws = jwt.PyJWS(algorithms=[_ALGORITHM])


def key_id(compact: str, types: frozenset[str], limit: int) -> str:
    """Return the `kid` of a JWS whose header is acceptable; nothing is verified yet.

    Spec: RFC 8725 s3.1 (alg), s3.11 (typ), RFC 7515 s4.1.11 (crit)

    Raises:
        InvalidToken: over `limit` characters, no JWS, or not of these `types` (in lower case) and our algorithm.
    """
    if len(compact) > limit:
        raise InvalidToken("too_large")
    if _COMPACT_JWS.fullmatch(compact) is None:
        raise InvalidToken("not_a_jwt")
    encoded_header, *others = compact.split(".")
    header = _parse_object(decoded(encoded_header))
    for segment in others:
        decoded(segment)
    token_type, kid = header.get("typ"), header.get("kid")
    if not isinstance(token_type, str) or token_type.lower() not in types:  # media types ignore case
        raise InvalidToken("typ")
    if header.get("alg") != _ALGORITHM:
        raise InvalidToken("alg")
    if "crit" in header:  # we understand no extension
        raise InvalidToken("crit")
    if not isinstance(kid, str) or not kid:
        raise InvalidToken("no_kid")
    return kid


def verified_claims(compact: str, public_key: RSAPublicKey) -> dict[str, Any]:
    """Return the payload of a JWS whose header `key_id` has accepted. No claim of it is looked at.

    Raises:
        InvalidToken: forged, or its payload is not a JSON object with unique names.
    """
    try:
        payload = _jws.decode_complete(compact, public_key, algorithms=[_ALGORITHM])["payload"]
    except (jwt.PyJWTError, ValueError) as error:
        raise InvalidToken("signature") from error
    return _parse_object(payload)


def moment_of(claims: Mapping[str, Any], name: str) -> datetime:
    """Return a NumericDate claim.

    Raises:
        InvalidToken: it is missing or no moment.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken(f"claim_{name}")
    try:  # no moment: what is not finite, and an integer that no float can hold
        return moment(value)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidToken(f"claim_{name}") from error


def decoded(segment: str) -> bytes:
    """Return what a base64url text without padding holds.

    Raises:
        InvalidToken: it holds nothing, or its spare bits are not zero (RFC 4648 s3.5): one value has one spelling.
    """
    try:
        value = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("not_a_jwt") from error
    if base64.urlsafe_b64encode(value).rstrip(b"=") != segment.encode():
        raise InvalidToken("not_a_jwt")
    return value


def parse_json(text: bytes) -> Any:
    """Return what a JSON text of the issuer's holds. Stricter than `json.loads`, which guesses an encoding.

    Raises:
        ValueError, RecursionError: it is not UTF-8 without a byte order mark (RFC 8259 s8.1), or repeats a name.
    """
    return json.loads(text.decode("utf-8"), object_pairs_hook=_unique_members)


def _parse_object(text: bytes) -> dict[str, Any]:
    try:
        content = parse_json(text)
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
