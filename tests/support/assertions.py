"""Clients that sign, and what they sign: by default all that RFC 7523 asks for."""

import base64
import functools
import json
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.clock import epoch

ISSUER = "http://localhost:9000"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: PrivateKey, kid: str, **members: str) -> dict[str, Any]:
    """Return the JWK to register."""
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": kid, **members}


def claims_for(client_id: str, now: datetime, **changes: Any) -> dict[str, Any]:
    """Return good claims; a change to None leaves the claim out."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": ISSUER,
        "exp": epoch(now) + 60,
        "iat": epoch(now),
        "jti": "once",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(
    claims: dict[str, Any], key: PrivateKey, *, alg: str = "RS256", headers: dict[str, Any] | None = None
) -> str:
    """Sign the claims as they are; PyJWT's own checks are gone round, so that unsound ones can be signed too."""
    payload = json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, key, algorithm=alg, headers=headers if headers is not None else {"kid": "k"})


def segment(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
