"""Reads a JSON Web Key Set into public keys, parsed once, that may verify access tokens.

Spec: RFC 7517 s4, s5; RFC 7518 s6.3
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from shared.bearer.keys.jws import parse_json

#: The largest document that is read, in bytes, and the most keys that it may hold.
MAX_DOCUMENT_BYTES = 65_536
MAX_KEYS = 32

_MAX_KID = 256
_MIN_BITS, _MAX_BITS = 2048, 4096


class BadKeySet(ValueError):
    """The document is not a key set that this verifier can use; the message says why."""


@dataclass(frozen=True)
class KeySet:
    """RSA public keys by `kid`. `fingerprint` tells two sets apart by what they hold, not by when they came."""

    keys: Mapping[str, RSAPublicKey]
    fingerprint: str


def parse_key_set(document: bytes) -> KeySet:
    """Return the usable keys of a JWK Set.

    A key of another type, use or algorithm is passed over (RFC 7517 s5); the set must hold at least one that is left.

    Raises:
        BadKeySet: too large, not a JWK Set, two keys with one kid, or no usable key.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise BadKeySet(f"more than {MAX_DOCUMENT_BYTES} bytes")
    try:
        content = parse_json(document)
    except (ValueError, RecursionError) as error:
        raise BadKeySet("not JSON in UTF-8, or a name is repeated") from error
    members = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(members, list):
        raise BadKeySet("no `keys`")
    if len(members) > MAX_KEYS:
        raise BadKeySet(f"more than {MAX_KEYS} keys")
    keys: dict[str, RSAPublicKey] = {}
    for jwk in members:
        if not _may_verify(jwk):
            continue
        if jwk["kid"] in keys:
            raise BadKeySet("two keys with one kid")
        if (public_key := _public_key(jwk)) is not None:
            keys[jwk["kid"]] = public_key
    if not keys:
        raise BadKeySet("no usable key")
    return KeySet(keys, _fingerprint(keys))


def _may_verify(jwk: Any) -> bool:
    if not isinstance(jwk, dict) or jwk.get("kty") != "RSA":
        return False
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    return (
        isinstance(kid, str)
        and 0 < len(kid) <= _MAX_KID
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", "RS256") == "RS256"
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in jwk  # a private key that was published is nobody's alone any more
    )


def _public_key(jwk: Mapping[str, Any]) -> RSAPublicKey | None:
    try:
        public_key = RSAPublicNumbers(e=_integer(jwk["e"]), n=_integer(jwk["n"])).public_key()
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return public_key if _MIN_BITS <= public_key.key_size <= _MAX_BITS else None


def _integer(value: Any) -> int:
    """Decode a Base64urlUInt (RFC 7518 s2)."""
    if not isinstance(value, str):
        raise TypeError("not text")
    return int.from_bytes(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))


def _fingerprint(keys: Mapping[str, RSAPublicKey]) -> str:
    numbers = ((kid, key.public_numbers()) for kid, key in sorted(keys.items()))
    return hashlib.sha256(repr([(kid, n.n, n.e) for kid, n in numbers]).encode()).hexdigest()
