"""The key set: the one active signing key, and the public keys that the JWKS publishes.

Spec: RFC 7517 s5; Policy: ADR-0008, ADR-0017
Loaded from the database at start and whenever it moved; the first start makes the first key.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa

from services.auth.keys.key_ring import KeyRing
from services.auth.keys.signing_key import SigningKey, StoredSigningKey, generate_signing_key, open_signing_key
from services.auth.opaque_token import unb64url
from shared.errors import ConfigurationError

#: The states whose public half is in the JWKS.
PUBLISHED = frozenset({"announced", "active", "retired"})


class SigningKeys(Protocol):
    """The port that storage implements."""

    def known(self) -> list[StoredSigningKey]:
        """Return every key, oldest first."""
        ...

    def add_first(self, key: StoredSigningKey) -> None:
        """Insert an active key, or do nothing when there is one: of two first starts at once, one key stays."""
        ...


@dataclass(frozen=True, repr=False)
class KeySet:
    """The keys as they stand; `jwks` and `etag` are what /.well-known/jwks.json answers.

    `hint_keys`: those, and the removed ones, which verify an id_token_hint and nothing else.
    """

    active: SigningKey
    public_keys: dict[str, rsa.RSAPublicKey]
    hint_keys: dict[str, rsa.RSAPublicKey]
    jwks: bytes
    etag: str


def load_key_set(keys: SigningKeys, ring: KeyRing, *, bits: int, now: datetime) -> KeySet:
    """Load the key set, making the first key when there is none.

    Raises:
        ConfigurationError: a key cannot be opened with the key-encryption keys in the settings.
    """
    stored = keys.known()
    if not any(key.state == "active" for key in stored):
        keys.add_first(replace(generate_signing_key(ring, bits=bits, state="active", now=now), activated_at=now))
        stored = keys.known()
    return open_key_set(stored, ring)


def open_key_set(stored: Sequence[StoredSigningKey], ring: KeyRing, before: KeySet | None = None) -> KeySet:
    """Return the key set of these keys; `before` spares parsing the active one again.

    Raises:
        ConfigurationError: none is active, or the ring does not open it.
    """
    active = next((key for key in stored if key.state == "active"), None)
    if active is None:
        raise ConfigurationError("signing keys: none is active")
    published = [key for key in stored if key.state in PUBLISHED]
    jwks = json.dumps({"keys": [key.jwk for key in published]}).encode()
    same = before is not None and before.active.kid == active.kid
    return KeySet(
        active=before.active if before is not None and same else open_signing_key(ring, active),
        public_keys={key.kid: _public_key(key.jwk) for key in published},
        hint_keys={key.kid: _public_key(key.jwk) for key in stored},
        jwks=jwks,
        etag=f'"{hashlib.sha256(jwks).hexdigest()[:32]}"',
    )


def _public_key(jwk: dict[str, str]) -> rsa.RSAPublicKey:
    e, n = (int.from_bytes(unb64url(jwk[member]), "big") for member in ("e", "n"))
    return rsa.RSAPublicNumbers(e, n).public_key()
