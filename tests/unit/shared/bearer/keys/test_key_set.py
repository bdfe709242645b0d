"""Spec: RFC 7517 s4, s5."""

import base64
import json
from typing import Any

import pytest

from shared.bearer.keys.key_set import MAX_DOCUMENT_BYTES, MAX_KEYS, BadKeySet, parse_key_set
from shared.testing import FakeIssuer, public_jwk


def document(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


@pytest.fixture
def jwk(issuer: FakeIssuer) -> dict[str, Any]:
    found: dict[str, Any] = issuer.jwks["keys"][0]
    return found


def test_a_key_is_parsed_once_and_is_the_issuers(issuer: FakeIssuer, jwk: dict[str, Any]) -> None:
    key_set = parse_key_set(document(jwk))
    assert key_set.keys[issuer.kid].public_numbers() == issuer.private_key.public_key().public_numbers()


def test_use_alg_and_key_ops_may_be_left_out(jwk: dict[str, Any]) -> None:
    bare = {name: jwk[name] for name in ("kty", "n", "e", "kid")}
    assert parse_key_set(document(bare)).keys
    assert parse_key_set(document({**bare, "key_ops": ["verify"], "x5c": ["ignored"]})).keys


@pytest.mark.requirement("ASVS-9.1.3")
@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"use": "enc"},
        {"alg": "RS512"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"kid": ""},
        {"kid": 1},
        {"kid": "k" * 257},
        {"d": "AQAB"},
        {"n": "AQAB"},
        {"n": 65537},
        {"n": "AQ"},
        {"n": "****"},
        {"e": "AA"},
        {"e": "Ag"},
        {"e": None},
    ],
)
def test_a_key_that_may_not_verify_is_passed_over(jwk: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(BadKeySet, match="no usable key"):
        parse_key_set(document({**jwk, **change}))
    other = {**jwk, "kid": "good"}
    assert set(parse_key_set(document({**jwk, **change}, other, "no object", None)).keys) == {"good"}


@pytest.mark.parametrize("bits", [1024, 8192])
def test_a_key_of_another_size_is_passed_over(bits: int) -> None:
    jwk = {"kty": "RSA", "kid": "k", "e": "AQAB", "n": _encoded(2 ** (bits - 1) + 1)}
    with pytest.raises(BadKeySet, match="no usable key"):
        parse_key_set(document(jwk))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b"[" * 60_000,
        b" " * (MAX_DOCUMENT_BYTES + 1),
    ],
)
def test_what_is_no_key_set_is_refused(text: bytes) -> None:
    with pytest.raises(BadKeySet):
        parse_key_set(text)


def test_too_many_keys_are_refused(jwk: dict[str, Any]) -> None:
    parse_key_set(document(*({**jwk, "kid": str(number)} for number in range(MAX_KEYS))))
    with pytest.raises(BadKeySet, match="more than"):
        parse_key_set(document(*({**jwk, "kid": str(number)} for number in range(MAX_KEYS + 1))))


def test_one_kid_for_two_keys_is_refused(issuer: FakeIssuer, jwk: dict[str, Any]) -> None:
    issuer.rotate()
    with pytest.raises(BadKeySet, match="two keys"):
        parse_key_set(document(jwk, {**public_jwk(issuer.private_key), "kid": jwk["kid"]}))


def test_the_fingerprint_tells_sets_apart_by_what_they_hold(issuer: FakeIssuer, jwk: dict[str, Any]) -> None:
    issuer.rotate()
    other = public_jwk(issuer.private_key)
    assert parse_key_set(document(jwk, other)).fingerprint == parse_key_set(document(other, jwk)).fingerprint
    same_kid = {**other, "kid": jwk["kid"]}
    assert parse_key_set(document(jwk)).fingerprint != parse_key_set(document(same_kid)).fingerprint


def _encoded(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()
