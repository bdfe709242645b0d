"""Spec: RFC 9068 s4, RFC 8725 s3, RFC 7519 s4.1. Each refusal is told apart by its reason, which no caller sees."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.bearer import AccessTokenRules, InvalidToken, Principal, StatusReference
from shared.bearer.access_token import MAX_TOKEN_BYTES, key_id, verify
from shared.testing import ALICE, FakeIssuer, SettableClock, parts
from shared.testing.keys import base64url

RULES = AccessTokenRules("http://localhost:9000", "http://localhost:9001", max_lifetime=timedelta(minutes=15))


def accept(issuer: FakeIssuer, token: str, rules: AccessTokenRules = RULES) -> Principal:
    assert key_id(token) == issuer.kid
    return verify(token, issuer.private_key.public_key(), rules, issuer.clock.now())


def reason(issuer: FakeIssuer, token: str, rules: AccessTokenRules = RULES) -> str:
    with pytest.raises(InvalidToken) as refusal:
        verify(token, issuer.private_key.public_key(), rules, issuer.clock.now())
    return refusal.value.reason


def header_reason(token: str) -> str:
    with pytest.raises(InvalidToken) as refusal:
        key_id(token)
    return refusal.value.reason


@pytest.mark.requirement("RFC9068-6")
def test_a_good_token_becomes_its_principal(issuer: FakeIssuer) -> None:
    token = issuer.access_token(
        scope="crm:read crm:write", roles=["manager"], jti="one", status=issuer.statuses.claim(7)
    )
    now = issuer.clock.now()
    assert accept(issuer, token) == Principal(
        issuer="http://localhost:9000",
        subject=ALICE,
        client_id="mobile-app",
        token_id="one",
        scopes=frozenset({"crm:read", "crm:write"}),
        issued_at=now,
        expires_at=now + timedelta(minutes=15),
        groups=("sales",),
        roles=frozenset({"manager"}),
        acr="urn:company:acr:1fa",
        auth_time=now,
        sid="0190a1b0-0000-7000-8000-00000000051d",
        status=StatusReference(0, 7),
        claims={"amr": ["pwd"]},
        not_before=now,
    )


@pytest.mark.requirement("RFC9068-5")
def test_a_machines_token_has_no_session_and_no_team(issuer: FakeIssuer) -> None:
    principal = accept(issuer, issuer.machine_token())
    assert principal.is_machine
    assert (principal.sid, principal.auth_time, principal.team) == (None, None, None)


@pytest.mark.requirement("RFC9068-4-typ")
@pytest.mark.parametrize("token_type", ["at+jwt", "application/at+jwt", "AT+JWT"])
def test_both_spellings_of_the_type_are_known(issuer: FakeIssuer, token_type: str) -> None:
    accept(issuer, issuer.access_token(header={"typ": token_type}))


@pytest.mark.requirement("RFC9068-4-typ", "RFC9068-4-alg")
@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"typ": "JWT"}, "typ"),
        ({"typ": "logout+jwt"}, "typ"),
        ({"typ": None}, "typ"),
        ({"typ": ["at+jwt"]}, "typ"),
        ({"alg": "none"}, "alg"),
        ({"alg": "None"}, "alg"),
        ({"alg": "HS256"}, "alg"),
        ({"alg": "RS512"}, "alg"),
        ({"alg": "rs256"}, "alg"),
        ({"alg": ["RS256"]}, "alg"),
        ({"crit": ["exp"]}, "crit"),
        ({"crit": []}, "crit"),
        ({"crit": ["b64"], "b64": False}, "crit"),
        ({"kid": ""}, "no_kid"),
        ({"kid": 7}, "no_kid"),
    ],
)
def test_a_header_out_of_line_is_refused(issuer: FakeIssuer, header: dict[str, Any], why: str) -> None:
    assert header_reason(issuer.access_token(header=header)) == why


@pytest.mark.requirement("RFC9068-4-typ")
@pytest.mark.parametrize(("member", "why"), [("typ", "typ"), ("alg", "alg"), ("kid", "no_kid")])
def test_a_header_without_a_member_is_refused(issuer: FakeIssuer, member: str, why: str) -> None:
    assert header_reason(issuer.access_token(without=[member])) == why


@pytest.mark.requirement("RFC9068-4-alg", "ASVS-9.1.3")
def test_keys_that_the_token_brings_are_ignored(issuer: FakeIssuer) -> None:
    foreign = {"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x5u", "jwk": {"kty": "RSA"}}
    accept(issuer, issuer.access_token(header=foreign))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "..",
        "a.b.",
        ".b.c",
        "a b.c.d",
        "ä.b.c",
        "e30=.e30.e30",
        "bnVsbA.e30.e30",
        "W10.e30.e30",
    ],
)
def test_what_is_no_jwt_is_refused(token: str) -> None:
    assert header_reason(token) in {"not_a_jwt", "not_json", "typ"}


def test_a_header_nested_beyond_reason_is_refused(issuer: FakeIssuer) -> None:
    header: Any = []
    for _ in range(900):
        header = [header]
    assert header_reason(issuer.sign({"typ": header}, {})) in {"not_json", "typ"}
    assert header_reason("W1tb" * 1500 + ".e30.e30") == "not_json"


def test_a_token_over_the_size_limit_is_refused(issuer: FakeIssuer) -> None:
    token = issuer.access_token(pad="x" * MAX_TOKEN_BYTES)
    assert header_reason(token) == "too_large"


def test_a_name_given_twice_is_refused() -> None:
    """RFC 7515 s4: two readers could each take another one."""
    twice = "eyJ0eXAiOiJhdCtqd3QiLCJ0eXAiOiJhdCtqd3QifQ"  # {"typ":"at+jwt","typ":"at+jwt"}
    assert header_reason(f"{twice}.e30.e30") == "not_json"


@pytest.mark.requirement("RFC9068-4-signature")
def test_a_forged_signature_is_refused(issuer: FakeIssuer) -> None:
    token = issuer.access_token()
    assert reason(issuer, issuer.forged(token)) == "signature"
    header, claims, signature = token.split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert reason(issuer, f"{header}.{claims}.{flipped}") == "signature"
    _, other, _ = issuer.access_token(sub="someone-else").split(".")
    assert reason(issuer, f"{header}.{other}.{signature}") == "signature"


@pytest.mark.requirement("RFC9068-4-iss", "RFC9068-4-cnf")
@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "http://localhost:9000/"}, "iss"),
        ({"iss": "HTTP://localhost:9000"}, "iss"),
        ({"iss": ["http://localhost:9000"]}, "iss"),
        ({"aud": "http://localhost:9002"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": "http://localhost:9001/"}, "aud"),
        ({"aud": "http://localhost:90011"}, "aud"),
        ({"aud": {"http://localhost:9001": 1}}, "aud"),
        ({"sub": ""}, "claim_sub"),
        ({"sub": 7}, "claim_sub"),
        ({"client_id": None}, "claim_client_id"),
        ({"scope": ["crm:read"]}, "claim_scope"),
        ({"roles": "manager"}, "claim_roles"),
        ({"groups": [1]}, "claim_groups"),
        ({"acr": 1}, "claim_acr"),
        ({"auth_time": "now"}, "claim_auth_time"),
        ({"exp": "9999999999"}, "claim_exp"),
        ({"exp": True}, "claim_exp"),
        ({"exp": float("inf")}, "claim_exp"),
        ({"exp": float("nan")}, "claim_exp"),
        ({"exp": 1e300}, "claim_exp"),
        ({"exp": 10**400}, "claim_exp"),
        ({"iat": None}, "claim_iat"),
        ({"nbf": "soon"}, "claim_nbf"),
        ({"cnf": {"jkt": "thumbprint"}}, "cnf"),
        ({"cnf": None}, "cnf"),
    ],
)
def test_a_claim_out_of_line_is_refused(issuer: FakeIssuer, claims: dict[str, Any], why: str) -> None:
    assert reason(issuer, issuer.access_token(**claims)) == why


@pytest.mark.requirement("RFC9068-4-iss")
@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "client_id", "exp", "iat", "jti"])
def test_a_required_claim_left_out_is_refused(issuer: FakeIssuer, claim: str) -> None:
    """RFC 9068 s2.2."""
    assert claim in reason(issuer, issuer.access_token(without=[claim]))


@pytest.mark.parametrize("payload", [[], "text", 7, None])
def test_a_payload_that_is_no_object_is_refused(issuer: FakeIssuer, payload: object) -> None:
    header = {"typ": "at+jwt", "alg": "RS256", "kid": issuer.kid}
    assert reason(issuer, issuer.sign(header, payload)) == "not_json"


@pytest.mark.requirement("RFC9068-4-iss")
def test_a_single_audience_may_be_text(issuer: FakeIssuer) -> None:
    accept(issuer, issuer.access_token(aud="http://localhost:9001"))


@pytest.mark.requirement("RFC9068-4-time")
@pytest.mark.parametrize(("seconds", "good"), [(0, True), (29, True), (30, False), (31, False)])
def test_expiry_has_thirty_seconds_of_leeway(
    issuer: FakeIssuer, clock: SettableClock, seconds: int, good: bool
) -> None:
    token = issuer.access_token()
    clock.advance(minutes=15, seconds=seconds)
    assert accept(issuer, token) if good else reason(issuer, token) == "expired"


@pytest.mark.requirement("RFC9068-4-time")
@pytest.mark.parametrize(("seconds", "good"), [(30, True), (31, False)])
@pytest.mark.parametrize(("claim", "why"), [("nbf", "not_yet_valid"), ("iat", "issued_in_future")])
def test_a_token_from_the_future_is_refused(issuer: FakeIssuer, claim: str, why: str, seconds: int, good: bool) -> None:
    future: dict[str, Any] = {claim: int(issuer.clock.now().timestamp()) + seconds}
    token = issuer.access_token(**future)
    assert accept(issuer, token) if good else reason(issuer, token) == why


@pytest.mark.requirement("RFC9068-4-time")
def test_a_token_that_lives_longer_than_any_is_issued_is_refused(issuer: FakeIssuer) -> None:
    accept(issuer, issuer.access_token(expires_in=timedelta(minutes=15)))
    assert reason(issuer, issuer.access_token(expires_in=timedelta(minutes=15, seconds=1))) == "lifetime"


def test_leeway_cannot_be_set_beyond_two_minutes() -> None:
    with pytest.raises(ValueError, match="leeway"):
        AccessTokenRules("i", "a", timedelta(minutes=5), leeway=timedelta(seconds=121))


def test_the_clock_is_the_suites_own(issuer: FakeIssuer) -> None:
    """The frozen clock stands in 2030: a library that looked at the machine's would refuse this token."""
    assert accept(issuer, issuer.access_token()).issued_at == datetime(2030, 1, 1, 12, tzinfo=UTC)


def test_a_token_without_a_place_in_the_status_list_is_refused_unless_it_need_not_have_one(issuer: FakeIssuer) -> None:
    token = issuer.access_token(without=["status"])
    assert reason(issuer, token) == "no_status"
    lenient = replace(RULES, require_status=False)
    assert accept(issuer, token, lenient).status is None
    assert reason(issuer, issuer.access_token(status={}), lenient) == "claim_status"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_a_header_in_another_encoding_is_refused(issuer: FakeIssuer, encoding: str) -> None:
    header, rest = parts(issuer.access_token())[0], issuer.access_token().partition(".")[2]
    assert header_reason(f"{base64url(json.dumps(header).encode(encoding))}.{rest}") == "not_json"


def test_a_token_is_spelled_in_one_way(issuer: FakeIssuer) -> None:
    """The last letter of a signature of 256 bytes has four spare bits: sixteen spellings of one token."""
    token = issuer.access_token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [token[:-1] + letter for letter in alphabet if letter != token[-1]]
    assert {header_reason(other) for other in others if alphabet.index(other[-1]) % 16} == {"not_a_jwt"}
