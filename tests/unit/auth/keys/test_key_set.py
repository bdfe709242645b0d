"""The key set, and what its signer signs and verifies (RFC 7515, RFC 8725 s3.11)."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from services.auth.keys.key_set import KeySet, load_key_set
from services.auth.keys.signer import Signer
from services.auth.keys.signing_key import StoredSigningKey
from services.auth.opaque_token import b64url
from shared.errors import ConfigurationError
from tests.unit.auth.keys.conftest import RING

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass
class Rows:
    """Signing keys in memory."""

    rows: list[StoredSigningKey] = field(default_factory=list)
    made: int = 0

    def known(self) -> list[StoredSigningKey]:
        return list(self.rows)

    def add_first(self, key: StoredSigningKey) -> None:
        self.made += 1
        self.rows.append(key)


def load(rows: Rows) -> KeySet:
    return load_key_set(rows, RING, bits=2048, now=NOW)


@pytest.fixture
def signer(stored_key: StoredSigningKey) -> Signer:
    return Signer(load(Rows([stored_key])))


def test_the_first_start_makes_a_key_and_the_second_one_uses_it() -> None:
    rows = Rows()
    first = load(rows)
    assert rows.made == 1
    assert load(rows).active.kid == first.active.kid
    assert rows.made == 1


def test_a_key_that_another_start_made_first_is_used(stored_key: StoredSigningKey) -> None:
    class Late(Rows):
        def add_first(self, key: StoredSigningKey) -> None:
            assert key.kid != stored_key.kid
            self.rows.append(stored_key)  # what the database's unique index lets win

    assert load(Late()).active.kid == stored_key.kid


def test_it_does_not_start_without_an_active_key(stored_key: StoredSigningKey) -> None:
    class Stubborn(Rows):
        def add_first(self, key: StoredSigningKey) -> None:
            pass

    with pytest.raises(ConfigurationError, match="none is active"):
        load(Stubborn([replace(stored_key, state="announced")]))


def test_every_published_key_verifies_and_the_active_one_signs(
    stored_key: StoredSigningKey, other_key: StoredSigningKey
) -> None:
    before = Signer(load(Rows([stored_key])))
    after = Signer(load(Rows([replace(stored_key, state="retired"), other_key])))
    old, new = before.sign({"a": 1}, typ="at+jwt"), after.sign({"a": 2}, typ="at+jwt")
    assert jwt.get_unverified_header(new) == {"alg": "RS256", "typ": "at+jwt", "kid": other_key.kid}
    assert after.verify(old, typ="at+jwt") == {"a": 1}
    assert before.verify(new, typ="at+jwt") is None
    assert [key["kid"] for key in json.loads(after.key_set.jwks)["keys"]] == [stored_key.kid, other_key.kid]
    assert before.key_set.etag != after.key_set.etag


@pytest.mark.requirement("RFC8725-3.11")
def test_a_token_of_another_type_is_not_verified(signer: Signer) -> None:
    id_token = signer.sign({"sub": "x"}, typ="JWT")
    assert signer.verify(id_token, typ="JWT") == {"sub": "x"}
    assert signer.verify(id_token, typ="at+jwt") is None


def test_time_is_not_the_signers_matter(signer: Signer) -> None:
    assert signer.verify(signer.sign({"exp": 1, "nbf": 2**40, "aud": "x"}, typ="at+jwt"), typ="at+jwt") is not None


def forged(header: dict[str, object], signature: bytes = b"") -> str:
    parts = [b64url(json.dumps(part).encode()) for part in (header, {"sub": "mallory"})]
    return ".".join([*parts, b64url(signature)])


def test_forgeries_are_none_and_no_crash(signer: Signer, stored_key: StoredSigningKey) -> None:
    public_pem = (
        signer.key_set.public_keys[stored_key.kid]
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )  # fmt: skip
    good = signer.sign({"sub": "alice"}, typ="at+jwt")
    head, body, signature = good.split(".")
    for text in [
        "",
        ".",
        "..",
        "...",
        "not a token",
        "\u00e4.\u00e4.\u00e4",
        "\ud800",
        "x" * 100_000,
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{b64url(b'{}')}.{signature}",
        f"{head}.{b64url(b'[]')}.{signature}",
        forged({"alg": "none", "typ": "at+jwt", "kid": stored_key.kid}),
        forged({"alg": "RS256", "typ": "at+jwt"}),
        forged({"alg": "RS256", "typ": "at+jwt", "kid": None}),
        forged({"alg": "RS256", "typ": "at+jwt", "kid": ["x"]}),
        forged({"alg": "RS256", "typ": "at+jwt", "kid": {}}),
        forged({"alg": "RS256", "typ": ["at+jwt"], "kid": stored_key.kid}),
        forged({"alg": "HS256", "typ": "at+jwt", "kid": stored_key.kid}, public_pem[:32]),
        forged({"alg": "RS256", "typ": "at+jwt", "kid": stored_key.kid, "crit": ["x"]}),
    ]:
        assert signer.verify(text, typ="at+jwt") is None, text[:80]
    assert signer.verify(good, typ="at+jwt") == {"sub": "alice"}
