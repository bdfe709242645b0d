"""One RSA key for all tests of this folder: making one is slow."""

import pytest

from services.auth.keys.key_ring import KeyRing
from services.auth.keys.signing_key import StoredSigningKey, generate_signing_key
from shared.testing import SettableClock

RING = KeyRing.of(b"k" * 32)


@pytest.fixture(scope="session")
def stored_key() -> StoredSigningKey:
    return generate_signing_key(RING, bits=2048, state="active", now=SettableClock().now())


@pytest.fixture(scope="session")
def other_key() -> StoredSigningKey:
    return generate_signing_key(RING, bits=2048, state="active", now=SettableClock().now())
