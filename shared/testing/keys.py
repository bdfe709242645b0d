"""Keys of a fake issuer, and JWTs signed with them, right or wrong.

Spec: RFC 7515 s3.1, RFC 7517 s4, RFC 7638 s3
"""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256


@functools.cache
def private_key(number: int) -> rsa.RSAPrivateKey:
    """Return the numbered key; each is made once a process, for it takes a tenth of a second."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """Return the public half as a JWK, its kid the RFC 7638 thumbprint."""
    numbers = key.public_key().public_numbers()
    members = {
        "e": base64url(numbers.e.to_bytes(3)),
        "kty": "RSA",
        "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
    }
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**members, "use": "sig", "alg": "RS256", "kid": base64url(thumbprint)}


def sign(header: Mapping[str, Any], claims: Any, key: rsa.RSAPrivateKey) -> str:
    """Return header and claims, whatever they say, as a JWT signed with RS256."""
    text = signing_input(header, claims)
    return f"{text}.{base64url(key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def parts(token: str) -> tuple[dict[str, Any], Any]:
    """Return a JWT's header and claims, nothing verified."""
    header, claims, _ = token.split(".")
    return _decoded(header), _decoded(claims)


def signing_input(header: Mapping[str, Any], claims: Any) -> str:
    """Return the part of a JWT that is signed."""
    return f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"


def base64url(value: bytes) -> str:
    """Return base64url without padding (RFC 7515 s2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(segment: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
