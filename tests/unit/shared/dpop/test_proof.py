"""DPoP proofs: RFC 9449's own examples, every fault of a proof, and nonces as the server's word of the time."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.clock import moment
from shared.dpop.jwk import ALGORITHMS, public_members, thumbprint
from shared.dpop.nonces import Nonces, parse_nonce_keys
from shared.dpop.proof import LEEWAY, LIFETIME, BadProof, NonceNeeded, Proof, ProofRules, access_token_hash
from shared.testing import FakeWallet, SettableClock
from shared.testing.keys import base64url
from shared.testing.wallet import FAULTS

#: RFC 9449, figures 2 (the token request) and 13 (the request of a protected resource).
HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQy"
    "VVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
)
TOKEN_REQUEST = (
    f"{HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwi"
    "aWF0IjoxNTYyMjYyNjE2fQ"
    ".2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
RESOURCE_REQUEST = (
    f"{HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0"
    "ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9"
    ".2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
ACCESS_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

ADDRESS = "https://auth.example/token"
NONCES = Nonces([b"n" * 32])
SECOND = timedelta(seconds=1)


@pytest.fixture
def wallet(clock: SettableClock) -> FakeWallet:
    return FakeWallet(clock=clock)


def check(proof: str, now: datetime, rules: ProofRules | None = None, *, address: str = ADDRESS) -> Proof:
    return (rules or ProofRules()).verify(proof, method="POST", address=address, now=now)


@pytest.mark.requirement("RFC9449-4.3")
def test_the_token_request_of_the_rfc() -> None:
    now = moment(1562262616)
    proof = ProofRules().verify(TOKEN_REQUEST, method="POST", address="https://server.example.com/token", now=now)
    assert proof.jkt == JKT
    assert proof.good_until == now + LIFETIME + LEEWAY


@pytest.mark.requirement("RFC9449-7.1")
def test_the_resource_request_of_the_rfc() -> None:
    address, now = "https://resource.example.org/protectedresource", moment(1562262618)
    proof = ProofRules().verify(RESOURCE_REQUEST, method="GET", address=address, now=now, access_token=ACCESS_TOKEN)
    assert proof.jkt == JKT
    assert access_token_hash(ACCESS_TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    with pytest.raises(BadProof, match="ath"):
        ProofRules().verify(RESOURCE_REQUEST, method="GET", address=address, now=now, access_token="another")


def test_the_thumbprint_of_rfc_7638() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )
    members = public_members({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}, "RS256")
    assert thumbprint("RS256", members) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.requirement("RFC9449-4.2")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_good_proof_of_each_algorithm(algorithm: str, clock: SettableClock) -> None:
    wallet = FakeWallet(algorithm, clock)
    proof = wallet.proof("POST", ADDRESS, access_token="token")
    found = ProofRules().verify(proof, method="POST", address=ADDRESS, now=clock.now(), access_token="token")
    assert found.jkt == wallet.jkt


@pytest.mark.requirement("RFC9449-4.3")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_proof_with_a_fault_shows_nothing(fault: str, wallet: FakeWallet) -> None:
    proof = wallet.proof("POST", ADDRESS, access_token="token", fault=fault)
    with pytest.raises(BadProof):
        ProofRules().verify(proof, method="POST", address=ADDRESS, now=wallet.clock.now(), access_token="token")


@pytest.mark.parametrize("fault", ["alg_none", "giant_jwk", "large_rsa", "private_jwk", "small_rsa", "symmetric_jwk"])
def test_what_must_not_reach_cryptography_does_not(
    fault: str, wallet: FakeWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(*_: object) -> None:
        raise AssertionError("a key was made of it")

    monkeypatch.setattr("shared.dpop.proof.public_key", computed)
    with pytest.raises(BadProof):
        check(wallet.proof("POST", ADDRESS, fault=fault), wallet.clock.now())


@pytest.mark.parametrize(
    "claims",
    [
        {"jti": ""},
        {"jti": "j" * 513},
        {"jti": "\ud800"},
        {"jti": 7},
        {"iat": True},
        {"iat": "1"},
        {"iat": float("nan")},
        {"iat": float("inf")},
        {"iat": 10**400},
        {"htm": ["POST"]},
        {"htm": "post"},
        {"htu": None},
        {"htu": "https://auth.example:x/token"},
        {"htu": "https://[auth.example/token"},
        {"htu": "http://auth.example/token"},
        {"htu": "https://auth.example/token/"},
        {"htu": "https://user@auth.example/token"},
        {"htu": "https://auth.example:8443/token"},
    ],
)
def test_a_claim_that_says_something_else_is_refused(claims: dict[str, Any], wallet: FakeWallet) -> None:
    with pytest.raises(BadProof):
        check(wallet.proof("POST", ADDRESS, **claims), wallet.clock.now())


@pytest.mark.parametrize(
    "spelled",
    [
        "HTTPS://AUTH.example/token",
        "https://auth.example:443/token",
        "https://auth.example/token?a=b",
        "https://auth.example/token#part",
        "https://auth.example/%74oken",
    ],
)
def test_an_address_may_be_spelled_as_uris_compare(spelled: str, wallet: FakeWallet) -> None:
    assert check(wallet.proof("POST", spelled), wallet.clock.now()).jkt == wallet.jkt


@pytest.mark.parametrize("header", ["{}", "[]", "7", "{" * 2000, '{"typ":"dpop+jwt","typ":"dpop+jwt"}'])
def test_a_header_that_is_no_header_is_refused(header: str, wallet: FakeWallet) -> None:
    _, claims, signature = wallet.proof("POST", ADDRESS).split(".")
    with pytest.raises(BadProof):
        check(f"{base64url(header.encode())}.{claims}.{signature}", wallet.clock.now())


def test_a_proof_lives_a_minute_and_what_clocks_differ_by(wallet: FakeWallet, clock: SettableClock) -> None:
    proof, made = wallet.proof("POST", ADDRESS), clock.now()
    assert check(proof, made - LEEWAY)
    assert check(proof, made + LIFETIME + LEEWAY - SECOND)
    for moment_ in (made - LEEWAY - SECOND, made + LIFETIME + LEEWAY):
        with pytest.raises(BadProof, match="iat"):
            check(proof, moment_)


@pytest.mark.requirement("RFC9449-8")
@pytest.mark.parametrize("days", [1, -1])
def test_a_wrong_clock_needs_a_nonce_and_no_more(days: int, clock: SettableClock) -> None:
    wallet, rules, now = FakeWallet(clock=clock), ProofRules(NONCES), clock.now()
    clock.advance(days=days)
    with pytest.raises(NonceNeeded):
        check(wallet.proof("POST", ADDRESS), now, rules)
    proof = check(wallet.proof("POST", ADDRESS, nonce=NONCES.fresh(now)), now, rules)
    assert proof.good_until <= now + NONCES.lifetime, "nothing must be remembered for a day"


@pytest.mark.requirement("RFC9449-8")
def test_where_every_proof_needs_a_nonce(wallet: FakeWallet) -> None:
    rules, now = ProofRules(NONCES, require_nonce=True), wallet.clock.now()
    with pytest.raises(NonceNeeded):
        check(wallet.proof("POST", ADDRESS), now, rules)
    assert check(wallet.proof("POST", ADDRESS, nonce=NONCES.fresh(now)), now, rules)


def test_nonces_rotate_expire_and_cannot_be_made_up(clock: SettableClock) -> None:
    now, before = clock.now(), Nonces([b"o" * 32])
    nonce = NONCES.fresh(now)
    assert NONCES.fresh(now) == nonce
    assert NONCES.fresh(now + SECOND) != nonce
    assert NONCES.good_until(nonce, now + NONCES.lifetime - SECOND)
    assert not NONCES.good_until(nonce, now + NONCES.lifetime)
    assert not NONCES.good_until(nonce, now - timedelta(minutes=1)), "from the future"
    assert not NONCES.good_until(before.fresh(now), now)
    assert Nonces([b"n" * 32, b"o" * 32]).good_until(before.fresh(now), now), "the keys rotate"
    flipped = ("A" if nonce[0] != "A" else "B") + nonce[1:]
    assert not any(NONCES.good_until(bad, now) for bad in ("", "x", "\ud800", flipped, nonce[:-1]))


def test_keys_of_nonces_are_read_from_a_setting() -> None:
    one, other = "bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4", "b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28"
    assert parse_nonce_keys(f"{one}, {other}") == (b"n" * 32, b"o" * 32)
    assert parse_nonce_keys("") == ()
    for bad in ("short", "*", one[:-2]):
        with pytest.raises(ValueError, match="key"):
            parse_nonce_keys(bad)
    with pytest.raises(ValueError, match="32 bytes"):
        Nonces([b"short"])
