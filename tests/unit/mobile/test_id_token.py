"""OpenID Connect Core s3.1.3.7, fault by fault."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mobile.errors import ClockSkew, IdTokenRejected, OtherPerson
from mobile.id_token import IdTokenValidator, at_hash
from shared.clock import epoch
from tests.integration.mobile.scripted_provider import rsa_key

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ISSUER = "https://auth.example"
ACCESS_TOKEN = "an.access.token"


def find_key(kid: str) -> jwt.PyJWK:
    if kid != "key-1":
        raise IdTokenRejected("no such key")
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key("key-1").public_key(), as_dict=True)
    return jwt.PyJWK({**jwk, "kid": kid}, algorithm="RS256")


VALIDATOR = IdTokenValidator(ISSUER, "mobile-app", find_key)


def good_claims(**changes: Any) -> dict[str, Any]:
    claims = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "mobile-app",
        "iat": epoch(NOW),
        "exp": epoch(NOW) + 300,
        "auth_time": epoch(NOW) - 5,
        "nonce": "n",
        "at_hash": at_hash(ACCESS_TOKEN),
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(header: dict[str, Any] | None = None, key: str = "key-1", **changes: Any) -> str:
    return jwt.encode(good_claims(**changes), rsa_key(key), "RS256", {"kid": "key-1", **(header or {})})


def validate(id_token: str, now: datetime = NOW) -> Any:
    return VALIDATOR.at_sign_in(id_token, access_token=ACCESS_TOKEN, nonce="n", now=now)


def test_good_one_passes() -> None:
    assert validate(signed())["sub"] == "alice"


def test_at_hash_is_the_left_half_of_the_digest() -> None:
    """The example of OpenID Connect Core appendix A.3."""
    assert at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"


@pytest.mark.requirement("OIDC-3.1.3.7")
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"iss": "https://auth.example/"}, "iss"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"aud": "another-app"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": {"mobile-app": 1}}, "aud"),
        ({"aud": ["mobile-app", "another-app"]}, "azp"),
        ({"aud": ["mobile-app", "another-app"], "azp": "another-app"}, "azp"),
        ({"azp": "another-app"}, "azp"),
        ({"nonce": "m"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"at_hash": at_hash("another")}, "at_hash"),
        ({"exp": "tomorrow"}, "times"),
        ({"iat": [1]}, "times"),
        ({"exp": 10**30}, "times"),
        *[({name: None}, "Missing") for name in ("iss", "sub", "aud", "exp", "iat")],
        ({"sub": 7}, "not valid"),
    ],
)
def test_wrong_claim_is_rejected(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(IdTokenRejected, match=text):
        validate(signed(**changes))


def test_several_audiences_pass_when_azp_names_this_app() -> None:
    assert validate(signed(aud=["another-app", "mobile-app"], azp="mobile-app"))


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"kid": "unknown"}, {"crit": ["x"]}])
def test_token_of_another_kind_or_by_an_unknown_key_is_rejected(header: dict[str, Any]) -> None:
    with pytest.raises(IdTokenRejected):
        validate(signed(header))


def test_typ_is_optional_and_kid_is_not() -> None:
    assert validate(jwt.encode(good_claims(), rsa_key("key-1"), "RS256", {"kid": "key-1", "typ": None}))
    with pytest.raises(IdTokenRejected):
        validate(jwt.encode(good_claims(), rsa_key("key-1"), "RS256"))


@pytest.mark.requirement("OIDC-3.1.3.7")
def test_unsigned_is_rejected() -> None:
    with pytest.raises(IdTokenRejected):
        validate(jwt.encode(good_claims(), "", "none", {"kid": "key-1"}))


@pytest.mark.requirement("OIDC-3.1.3.7")
def test_hmac_signed_with_the_public_key_is_rejected() -> None:
    """RFC 8725 s2.1: the algorithm is not the token's to choose."""
    public = rsa_key("key-1").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "HS256", "kid": "key-1"}, good_claims())
    )
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(mac.sign(f"{header}.{payload}".encode(), public)).rstrip(b"=").decode()

    with pytest.raises(IdTokenRejected):
        validate(f"{header}.{payload}.{signature}")


@pytest.mark.requirement("OIDC-3.1.3.7")
@pytest.mark.parametrize("id_token", ["", "x", "a.b.c", "é.é.é", signed() + "x", signed(key="thief")])
def test_forged_or_broken_is_rejected(id_token: str) -> None:
    with pytest.raises(IdTokenRejected):
        validate(id_token)


@pytest.mark.requirement("OIDC-3.1.3.7")
@pytest.mark.parametrize(("seconds", "good"), [(899, True), (900, False), (-600, True), (-601, False)])
def test_phone_whose_clock_is_wrong_by_ten_minutes_signs_in(seconds: int, good: bool) -> None:
    """Time is by the app's clock, with ten minutes of leeway; the token lives five."""
    now = NOW + timedelta(seconds=seconds)
    if good:
        assert validate(signed(), now)
        return
    with pytest.raises(ClockSkew, match="set the clock"):
        validate(signed(), now)


def test_of_a_refreshed_one_the_person_is_checked_before_the_time() -> None:
    with pytest.raises(OtherPerson):
        VALIDATOR.at_refresh(
            signed(sub="mallory"), access_token=ACCESS_TOKEN, original=good_claims(), now=NOW + timedelta(days=1)
        )


@pytest.mark.requirement("OIDC-12.2-client")
@pytest.mark.parametrize(
    ("changes", "text"),
    [({"sub": "mallory"}, "sub"), ({"auth_time": 7}, "auth_time"), ({"nonce": "m"}, "nonce"), ({"iss": "x"}, "iss")],
)
def test_refreshed_one_is_about_the_same_sign_in(changes: dict[str, Any], text: str) -> None:
    """OpenID Connect Core s12.2"""
    original = good_claims()
    fine = VALIDATOR.at_refresh(signed(nonce=None), access_token=ACCESS_TOKEN, original=original, now=NOW)
    assert fine["sub"] == "alice"

    with pytest.raises(IdTokenRejected, match=text):
        VALIDATOR.at_refresh(signed(**changes), access_token=ACCESS_TOKEN, original=original, now=NOW)
