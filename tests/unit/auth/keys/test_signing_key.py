"""Signing keys: named by their thumbprint, sealed for their row (RFC 7638, RFC 7517)."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from services.auth.keys.key_ring import KeyRing
from services.auth.keys.signing_key import StoredSigningKey, open_signing_key, public_jwk
from services.auth.opaque_token import unb64url
from shared.errors import ConfigurationError
from tests.unit.auth.keys.conftest import RING

# RFC 7638 s3.1: the example's modulus and its thumbprint
MODULUS = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok"
    "njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
    "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa"
    "pJzKnqDKgw"
)
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_kid_is_the_thumbprint_of_rfc_7638s_own_example() -> None:
    key = rsa.RSAPublicNumbers(65_537, int.from_bytes(unb64url(MODULUS), "big")).public_key()
    jwk = public_jwk(key)
    assert jwk == {"kty": "RSA", "n": MODULUS, "e": "AQAB", "kid": THUMBPRINT, "use": "sig", "alg": "RS256"}


def test_a_key_opens_to_the_pair_of_its_public_half(stored_key: StoredSigningKey) -> None:
    opened = open_signing_key(RING, stored_key)
    assert public_jwk(opened.private_key.public_key()) == stored_key.jwk
    assert opened.kid == stored_key.kid == stored_key.jwk["kid"]
    assert opened.private_key.key_size == 2048


def test_the_private_half_is_nowhere_in_the_row(stored_key: StoredSigningKey) -> None:
    assert set(stored_key.jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    numbers = open_signing_key(RING, stored_key).private_key.private_numbers()
    for number in (numbers.d, numbers.p, numbers.q):
        assert number.to_bytes((number.bit_length() + 7) // 8, "big") not in stored_key.sealed_private_key
    assert "d=" not in repr(open_signing_key(RING, stored_key))


def test_a_private_key_moved_to_another_row_is_refused(
    stored_key: StoredSigningKey, other_key: StoredSigningKey
) -> None:
    moved = replace(other_key, sealed_private_key=stored_key.sealed_private_key)
    with pytest.raises(ConfigurationError, match=other_key.kid):
        open_signing_key(RING, moved)


def test_without_its_key_encryption_key_the_message_names_the_setting(stored_key: StoredSigningKey) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_KEY_ENCRYPTION_KEYS: .*signing key"):
        open_signing_key(KeyRing.of(b"x" * 32), stored_key)
