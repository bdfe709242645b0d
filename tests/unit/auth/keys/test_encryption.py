"""Encryption at rest: bound to its row, and never a crash (NIST SP 800-38D)."""

import pytest

from services.auth.keys.encryption import decrypt, encrypt
from services.auth.keys.key_ring import KeyRing
from shared.errors import ConfigurationError

OLD, NEW = b"o" * 32, b"n" * 32
SECRET = b"a secret at rest"


def test_what_was_closed_opens_again() -> None:
    ring = KeyRing.of(NEW)
    sealed = encrypt(ring, SECRET, belongs_to="row 1")
    assert decrypt(ring, sealed, belongs_to="row 1") == SECRET
    assert SECRET not in sealed
    assert sealed != encrypt(ring, SECRET, belongs_to="row 1"), "a nonce of its own"


def test_a_key_that_was_replaced_still_opens_what_it_closed() -> None:
    sealed = encrypt(KeyRing.of(OLD), SECRET, belongs_to="row 1")
    both = KeyRing.of(NEW, OLD)
    assert decrypt(both, sealed, belongs_to="row 1") == SECRET
    assert encrypt(both, SECRET, belongs_to="row 1").startswith(both.current)


def test_a_missing_key_is_named_by_its_setting() -> None:
    ring = KeyRing.of(OLD)
    sealed = encrypt(ring, SECRET, belongs_to="row 1")
    with pytest.raises(ConfigurationError, match=rf"^AUTH_KEY_ENCRYPTION_KEYS: .*{ring.current.hex()}.*row 1") as error:
        decrypt(KeyRing.of(NEW), sealed, belongs_to="row 1")
    assert "\n" not in str(error.value)


def test_ciphertext_moved_to_another_row_does_not_open() -> None:
    ring = KeyRing.of(NEW)
    sealed = encrypt(ring, SECRET, belongs_to="row 1")
    with pytest.raises(ConfigurationError, match="row 2"):
        decrypt(ring, sealed, belongs_to="row 2")


def test_changed_or_cut_at_any_byte_it_does_not_open() -> None:
    ring = KeyRing.of(NEW)
    sealed = encrypt(ring, SECRET, belongs_to="row 1")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(ConfigurationError):
            decrypt(ring, bytes(changed), belongs_to="row 1")
        with pytest.raises(ConfigurationError):
            decrypt(ring, sealed[:position], belongs_to="row 1")
