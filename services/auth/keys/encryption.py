"""Encryption at rest: AES-256-GCM under a key-encryption key, bound to what the ciphertext belongs to.

Spec: NIST SP 800-38D (96-bit random nonce; far fewer than 2^32 messages a key)
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.auth.keys.key_ring import ID_BYTES, KeyRing
from shared.errors import ConfigurationError

_NONCE_BYTES = 12


def encrypt(ring: KeyRing, plaintext: bytes, *, belongs_to: str) -> bytes:
    """Return key id, nonce and ciphertext; `belongs_to` must be given again to open it."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(ring.current_key).encrypt(nonce, plaintext, belongs_to.encode())
    return ring.current + nonce + sealed


def decrypt(ring: KeyRing, sealed: bytes, *, belongs_to: str) -> bytes:
    """Open what `encrypt` made.

    Raises:
        ConfigurationError: no key of the ring fits, or the ciphertext was changed or moved to another row.
    """
    key = ring.keys.get(sealed[:ID_BYTES])
    if key is None:
        raise ConfigurationError(
            f"AUTH_KEY_ENCRYPTION_KEYS: no key {sealed[:ID_BYTES].hex()}, which closed {belongs_to}; add it back"
        )
    nonce, ciphertext = sealed[ID_BYTES : ID_BYTES + _NONCE_BYTES], sealed[ID_BYTES + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, belongs_to.encode())
    except (InvalidTag, ValueError) as error:  # ValueError: it was cut short
        raise ConfigurationError(f"{belongs_to}: its ciphertext was changed") from error


def reseal(ring: KeyRing, sealed: bytes, *, belongs_to: str) -> bytes:
    """Open what any key of the ring has closed, and close it under the current one.

    Raises:
        ConfigurationError: as `decrypt`.
    """
    return encrypt(ring, decrypt(ring, sealed, belongs_to=belongs_to), belongs_to=belongs_to)
