"""A client's own JWT proves who it is only when everything about it fits (RFC 7523 s3)."""

import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest

from services.auth.audit import Refusal
from services.auth.clients.assertion import LEEWAY, AssertionUse, claimed_client, verify_assertion
from services.auth.clients.client import Client
from services.auth.opaque_token import digest
from shared.clock import epoch
from shared.testing import SettableClock
from tests.support.assertions import ISSUER, claims_for, ec_key, public_jwk, rsa_key, segment, signed
from tests.support.clients import CLIENT as BARE
from tests.support.clients import public_key

NOW = SettableClock().now()
SECONDS = epoch(NOW)
TOKEN, PAR = f"{ISSUER}/token", f"{ISSUER}/par"
CLIENT = replace(
    BARE,
    client_id="batch",
    auth_method="private_key_jwt",
    assertion_keys=(public_key(public_jwk(rsa_key(), "k")),),
    assertion_audience="endpoint",
)


def verify(assertion: str, client: Client = CLIENT) -> AssertionUse | None:
    found = verified(assertion, client)
    return None if isinstance(found, Refusal) else found


def verified(assertion: str, client: Client = CLIENT) -> AssertionUse | Refusal:
    return verify_assertion(assertion, client, issuer=ISSUER, addresses=frozenset({TOKEN, PAR}), now=NOW)


def good(**changes: Any) -> str:
    return signed(claims_for("batch", NOW, **changes), rsa_key())


def test_a_good_assertion_is_to_be_written_down_until_it_can_be_used_no_more() -> None:
    assert verify(good()) == AssertionUse("batch", digest("once"), NOW + timedelta(seconds=60) + LEEWAY)
    assert claimed_client(good()) == "batch"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": TOKEN},
        {"aud": PAR},
        {"aud": [ISSUER]},
        {"aud": [ISSUER, TOKEN]},
        {"iat": None},
        {"nbf": SECONDS},
        {"nbf": SECONDS + 30, "iat": SECONDS + 30},
        {"exp": SECONDS + 3630},
        {"exp": SECONDS - 29},
        {"exp": SECONDS + 60.5},
        {"jti": "\u00e4" * 200},
        {"more": "claims"},
    ],
)
def test_what_the_rfc_allows_is_accepted(changes: dict[str, Any]) -> None:
    assert verify(good(**changes)) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": "other"},
        {"iss": ISSUER},
        {"sub": None},
        {"sub": "other"},
        {"sub": ["batch"], "iss": ["batch"]},
        {"aud": None},
        {"aud": ""},
        {"aud": []},
        {"aud": [None]},
        {"aud": {ISSUER: 1}},
        {"aud": ISSUER + "/"},
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": f"{ISSUER}/authorize"},
        {"exp": None},
        {"exp": SECONDS - 30},
        {"exp": SECONDS + 3631},
        {"exp": SECONDS + 315_360_000},
        {"exp": str(SECONDS + 60)},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"exp": -(10**30)},
        {"exp": [SECONDS + 60]},
        {"iat": SECONDS + 31},
        {"iat": "now"},
        {"iat": float("-inf")},
        {"nbf": SECONDS + 31},
        {"nbf": False},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": ["once"]},
        {"jti": "a\0"},
        {"jti": "\ud800"},
    ],
)
def test_a_claim_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    assert verify(good(**changes)) is None


def test_a_client_may_want_the_issuer_alone_as_audience() -> None:
    """FAPI 2.0 s5.3.2.1"""
    strict = replace(CLIENT, assertion_audience="issuer")
    assert verify(good(), strict) is not None and verify(good(aud=[ISSUER]), strict) is not None
    assert verify(good(aud=TOKEN), strict) is verify(good(aud=[ISSUER, TOKEN]), strict) is None


# ---------------------------------------------------------------- keys and algorithms


@pytest.mark.parametrize(("alg", "key"), [("RS256", rsa_key()), ("PS256", rsa_key()), ("ES256", ec_key())])
def test_three_algorithms_are_understood_and_the_registered_one_is_pinned(alg: str, key: Any) -> None:
    client = replace(CLIENT, assertion_keys=(public_key(public_jwk(key, "k")),))
    assertion = signed(claims_for("batch", NOW), key, alg=alg)
    assert verify(assertion, client) is not None
    for pinned in ("RS256", "PS256", "ES256"):
        by_client, by_key = replace(client, assertion_algorithm=pinned), public_key(public_jwk(key, "k", alg=pinned))
        assert (verify(assertion, by_client) is not None) is (pinned == alg)
        assert (verify(assertion, replace(client, assertion_keys=(by_key,))) is not None) is (pinned == alg)


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS512"])
def test_another_algorithm_of_a_good_key_is_refused(alg: str) -> None:
    assert verify(signed(claims_for("batch", NOW), rsa_key(), alg=alg)) is None


def test_the_kid_selects_the_key_and_one_key_needs_none() -> None:
    two = replace(
        CLIENT, assertion_keys=(public_key(public_jwk(rsa_key(1), "old")), public_key(public_jwk(rsa_key(2), "new")))
    )
    claims = claims_for("batch", NOW)
    for number, kid in ((1, "old"), (2, "new")):
        assert verify(signed(claims, rsa_key(number), headers={"kid": kid}), two) is not None
        assert verify(signed(claims, rsa_key(3 - number), headers={"kid": kid}), two) is None
        assert verify(signed(claims, rsa_key(number), headers={}), two) is None, "which of the two is not guessed"
    assert verify(signed(claims, rsa_key(), headers={})) is not None
    assert verify(signed(claims, rsa_key(), headers={"kid": "unknown"})) is None
    assert verify(good(), replace(CLIENT, assertion_keys=())) is None


def test_an_assertion_does_not_bring_its_own_key() -> None:
    claims, mine = claims_for("batch", NOW), public_jwk(rsa_key(1), "k")
    for headers in ({"jwk": mine}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"}, {"x5c": ["x"]}):
        assert verify(signed(claims, rsa_key(1), headers={"kid": "k", **headers})) is None
        assert verify(signed(claims, rsa_key(), headers={"kid": "k", **headers})) is None, "not even when it is good"


def test_an_unsigned_assertion_and_one_signed_with_the_public_key_are_refused() -> None:
    claims = claims_for("batch", NOW)
    unsigned = f"{segment({'alg': 'none', 'kid': 'k'})}.{segment(claims)}."
    secret = json.dumps(CLIENT.assertion_keys[0].members()).encode()
    signing_input = f"{segment({'alg': 'HS256', 'kid': 'k'})}.{segment(claims)}"
    mac = jwt.utils.base64url_encode(hmac.digest(secret, signing_input.encode(), "sha256")).decode()
    confused = f"{signing_input}.{mac}"
    header, payload, signature = good().split(".")
    tampered = f"{header}.{segment({**claims, 'jti': 'again'})}.{signature}"
    for forged in (unsigned, confused, tampered, f"{header}.{payload}.", f"{header}.{payload}.{signature}x"):
        assert verify(forged) is None


def test_a_jwt_of_another_kind_is_no_assertion() -> None:
    for typ, accepted in (("JWT", True), ("client-authentication+jwt", True), ("at+jwt", False), ("logout+jwt", False)):
        assertion = signed(claims_for("batch", NOW), rsa_key(), headers={"kid": "k", "typ": typ})
        assert (verify(assertion) is not None) is accepted, typ


@pytest.mark.parametrize(
    "headers",
    [
        {"kid": "k", "crit": ["exp"]},
        {"kid": "k", "b64": False, "crit": ["b64"]},
        {"kid": "k", "typ": ["JWT"]},
        {"kid": ["k"]},
        {"kid": {"a": 1}},
    ],
)
def test_a_header_that_does_not_fit_is_refused(headers: dict[str, Any]) -> None:
    signature = good().rpartition(".")[2]
    assert verify(f"{segment({'alg': 'RS256', **headers})}.{segment(claims_for('batch', NOW))}.{signature}") is None


DEEP = "W1tb" * 2000
NONSENSE = ["", ".", "..", "a.b.c", "\u00e4.b.c", "x" * 8193, "W10.W10.x", f"{DEEP}.e30.x", f"e30.{DEEP}.x"]


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_refused(text: str) -> None:
    assert claimed_client(text) is None
    assert verify(text) is None


@pytest.mark.parametrize("sub", [None, "", 7, ["batch"], {"a": "b"}])
def test_an_assertion_without_a_subject_names_no_client(sub: Any) -> None:
    assert claimed_client(good(sub=sub)) is None
