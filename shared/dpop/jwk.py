"""Public keys as a proof brings them: bounded and looked at before any of them reaches a library that computes.

Spec: RFC 7517 s4, RFC 7518 s6, RFC 8037 s2, RFC 7638 s3, RFC 9449 s4.2 (jwk) and s11.6
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

#: The kind of key of each algorithm that a proof may be signed with. Symmetric ones and `none` are not among them.
KINDS: Mapping[str, str] = {"ES256": "EC", "RS256": "RSA", "PS256": "RSA", "EdDSA": "OKP"}
ALGORITHMS = tuple(KINDS)

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
#: The members that make the key, in the order of RFC 7638.
_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "OKP": ("crv", "kty", "x"),
}
_CURVES: Mapping[str, str] = {"EC": "P-256", "OKP": "Ed25519"}
_COORDINATE = 32  # bytes, of both curves
_RSA_BITS = range(2048, 4097)
#: Characters of the longest member: the modulus of 4096 bits.
_LONGEST = 683


class BadKey(ValueError):
    """A JWK that no proof may bring. The message holds nothing of it."""


def public_members(jwk: object, algorithm: str) -> tuple[str, ...]:
    """Return the members that make the key, in the order of RFC 7638. Computes nothing with them.

    Raises:
        BadKey: private, of another kind than the algorithm's, of another curve, too small or too large, not base64url.
    """
    if not isinstance(jwk, dict):
        raise BadKey("no object")
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise BadKey("private")
    kind = KINDS[algorithm]
    if jwk.get("kty") != kind or jwk.get("alg", algorithm) != algorithm:
        raise BadKey("kind")
    members = tuple(_text(jwk.get(name)) for name in _MEMBERS[kind])
    if kind == "RSA":
        _require_sound_rsa(jwk)
    elif jwk["crv"] != _CURVES[kind]:
        raise BadKey("curve")
    elif any(len(decoded(jwk[name])) != _COORDINATE for name in _MEMBERS[kind] if name in {"x", "y"}):
        raise BadKey("coordinates")
    return members


def thumbprint(algorithm: str, members: tuple[str, ...]) -> str:
    """Return the RFC 7638 SHA-256 thumbprint (43 characters) of a key's members, as `public_members` returns them."""
    named = dict(zip(_MEMBERS[KINDS[algorithm]], members, strict=True))
    digest = hashlib.sha256(json.dumps(named, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def public_key(algorithm: str, members: tuple[str, ...]) -> PublicKey:
    """Return the key that these members make.

    Raises:
        BadKey: they make none: no point of the curve.
    """
    named = zip(_MEMBERS[KINDS[algorithm]], members, strict=True)
    values = {name: decoded(member) for name, member in named if name not in {"crv", "kty"}}
    try:
        if "n" in values:
            return rsa.RSAPublicNumbers(int.from_bytes(values["e"]), int.from_bytes(values["n"])).public_key()
        if "y" in values:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + values["x"] + values["y"])
        return ed25519.Ed25519PublicKey.from_public_bytes(values["x"])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("no key") from error


def decoded(text: str) -> bytes:
    """Return the bytes of base64url text without padding.

    Raises:
        BadKey: it is not that, or its spare bits are not zero: two spellings would be two thumbprints of one key.
    """
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey("base64url") from error
    if base64.urlsafe_b64encode(value).rstrip(b"=") != text.encode():
        raise BadKey("base64url")
    return value


def _text(member: object) -> str:
    if not isinstance(member, str) or not 0 < len(member) <= _LONGEST:
        raise BadKey("members")
    return member


def _require_sound_rsa(jwk: Mapping[str, Any]) -> None:
    if len(jwk["e"]) > 6:  # four bytes
        raise BadKey("exponent")
    exponent, modulus = (int.from_bytes(raw) for raw in (decoded(jwk["e"]), decoded(jwk["n"])))
    if exponent < 65_537 or exponent % 2 == 0 or modulus % 2 == 0 or modulus.bit_length() not in _RSA_BITS:
        raise BadKey("size")
    if decoded(jwk["n"])[0] == 0 or decoded(jwk["e"])[0] == 0:  # one value has one spelling (RFC 7518 s2)
        raise BadKey("leading zero")
