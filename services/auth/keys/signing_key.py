"""One RSA signing key: made, named by its thumbprint, sealed for the database, parsed once.

Spec: RFC 7517, RFC 7518 s6.3, RFC 7638
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.auth.keys.encryption import decrypt, encrypt
from services.auth.keys.key_ring import KeyRing
from services.auth.opaque_token import b64url
from shared.errors import ConfigurationError


@dataclass(frozen=True)
class StoredSigningKey:
    """One row: the private half sealed, the public half readable. `state`: announced, active, retired or removed.

    A removed key has no private half (it is empty).
    """

    kid: str
    state: str
    jwk: dict[str, str]
    sealed_private_key: bytes
    created_at: datetime
    activated_at: datetime | None = None
    retired_at: datetime | None = None
    removed_at: datetime | None = None

    @property
    def signs_since(self) -> datetime:
        """When an active key became so."""
        return self.activated_at or self.created_at


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A key that can sign, parsed and ready (parsing costs 42 ms: once, at load)."""

    kid: str
    private_key: rsa.RSAPrivateKey


def generate_signing_key(ring: KeyRing, *, bits: int, state: str, now: datetime) -> StoredSigningKey:
    """Make a new RSA key, its private half sealed under the ring's current key."""
    private_key = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
    jwk = public_jwk(private_key.public_key())
    der = private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return StoredSigningKey(jwk["kid"], state, jwk, encrypt(ring, der, belongs_to=signing_key_label(jwk["kid"])), now)


def open_signing_key(ring: KeyRing, stored: StoredSigningKey) -> SigningKey:
    """Open a stored key.

    Raises:
        ConfigurationError: the ring lacks its key, or the row was changed.
    """
    der = decrypt(ring, stored.sealed_private_key, belongs_to=signing_key_label(stored.kid))
    private_key = serialization.load_der_private_key(der, password=None)
    if not isinstance(private_key, rsa.RSAPrivateKey):
        raise ConfigurationError(f"{signing_key_label(stored.kid)}: is not an RSA key")
    return SigningKey(stored.kid, private_key)


def public_jwk(public_key: rsa.RSAPublicKey) -> dict[str, str]:
    """Return the public JWK, its `kid` the RFC 7638 thumbprint."""
    numbers = public_key.public_numbers()
    required = {"e": _b64uint(numbers.e), "kty": "RSA", "n": _b64uint(numbers.n)}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return {**required, "kid": b64url(hashlib.sha256(canonical).digest()), "use": "sig", "alg": "RS256"}


def _b64uint(number: int) -> str:
    return b64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def signing_key_label(kid: str) -> str:
    """Return what the ciphertext of a private key is bound to."""
    return f"signing key {kid}"
