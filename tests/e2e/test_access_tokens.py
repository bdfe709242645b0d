"""Which access tokens the two real APIs accept, offline.

Tokens that only another signature could make are forged by an issuer of the test's own, whose keys a second stack is
told to trust: there each token is wrong in one thing alone. Real tokens are moved in time by the clock.
Spec: RFC 9068 s4, RFC 8725 s2 and s3, RFC 6750 s3
"""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from mobile.faults import Wiretap
from mobile.simulator import ALICE
from shared.clock import epoch
from shared.testing import FakeIssuer, parts, public_jwk
from tests.e2e.phones import Phones, StackClock, Wire, tokens_of
from tests.support.stack import Stack, running_stack

LEEWAY = 30
LIFETIME = 900


@dataclass(frozen=True)
class Trusting:
    """A suite whose APIs take their keys and status lists from `issuer`; only the name in `iss` is the provider's."""

    stack: Stack
    issuer: FakeIssuer
    wire: Wire


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trusting]:
    issuer = FakeIssuer()
    with issuer.serve() as url, httpx2.Client(trust_env=False, timeout=20) as http:
        keys = f"{url}/.well-known/jwks.json"
        settings = {
            "CRM_JWKS_URL": keys,
            "ORDERS_JWKS_URL": keys,
            "CRM_STATUS_BASE_URL": url,
            "ORDERS_STATUS_BASE_URL": url,
        }
        with running_stack(tmp_path_factory.mktemp("trusting"), settings) as stack:
            issuer.url, issuer.audience, issuer.clock = stack.auth, [stack.crm, stack.orders], StackClock(stack)
            yield Trusting(stack, issuer, Wire(stack, http))


Forge = Callable[[FakeIssuer], str]

WRONG: dict[str, Forge] = {
    "alg none": lambda issuer: issuer.unsigned(issuer.access_token()),
    "alg none in capitals": lambda issuer: issuer.access_token(header={"alg": "NONE"}),
    "HS256 keyed with the public key as PEM": lambda issuer: _hs256(issuer, _pem(issuer)),
    "HS256 keyed with the public key as PEM without its last line end": lambda issuer: _hs256(
        issuer, _pem(issuer).strip()
    ),
    "HS256 keyed with the JWK": lambda issuer: _hs256(issuer, json.dumps(public_jwk(issuer.private_key)).encode()),
    "HS256 keyed with the modulus": lambda issuer: _hs256(issuer, public_jwk(issuer.private_key)["n"].encode()),
    "a stranger's signature": lambda issuer: issuer.forged(issuer.access_token()),
    "no signature": lambda issuer: issuer.access_token().rpartition(".")[0] + ".",
    "wrong aud": lambda issuer: issuer.access_token(aud="http://elsewhere.example"),
    "aud of the client": lambda issuer: issuer.access_token(aud="mobile-app"),
    "no aud": lambda issuer: issuer.access_token(without=["aud"]),
    "wrong iss": lambda issuer: issuer.access_token(iss="http://elsewhere.example"),
    "iss with a slash too many": lambda issuer: issuer.access_token(iss=f"{issuer.url}/"),
    "no iss": lambda issuer: issuer.access_token(without=["iss"]),
    "typ JWT": lambda issuer: issuer.access_token(header={"typ": "JWT"}),
    "no typ": lambda issuer: issuer.access_token(without=["typ"]),
    "an ID token": lambda issuer: issuer.id_token(),
    "no kid": lambda issuer: issuer.access_token(without=["kid"]),
    "an unknown kid": lambda issuer: issuer.access_token(header={"kid": "no-such-key"}),
    "no exp": lambda issuer: issuer.access_token(without=["exp"]),
    "expired for 31 seconds": lambda issuer: _expired_for(issuer, 31),
    "issued in the future": lambda issuer: issuer.access_token(iat=epoch(issuer.clock.now()) + 90),
    "a lifetime longer than the provider gives": lambda issuer: issuer.access_token(
        exp=epoch(issuer.clock.now()) + 86_400
    ),
    "no jti": lambda issuer: issuer.access_token(without=["jti"]),
    "an unknown critical header": lambda issuer: issuer.access_token(header={"crit": ["b64"], "b64": True}),
    "bound to a proof that is not there": lambda issuer: issuer.access_token(cnf={"jkt": "x"}),
}


@pytest.mark.requirement("RFC6750-3.1")
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_token_is_refused_with_its_challenge(trusting: Trusting, what: str) -> None:
    token = WRONG[what](trusting.issuer)
    for answer in (trusting.wire.contacts(token), trusting.wire.orders(token)):
        assert_refused(answer)


def test_a_right_token_is_accepted(trusting: Trusting) -> None:
    token = trusting.issuer.access_token()
    assert trusting.wire.contacts(token).status_code == 200
    assert trusting.wire.orders(token).status_code == 200


def test_expired_for_29_seconds_is_within_the_leeway(trusting: Trusting) -> None:
    for ask in (trusting.wire.contacts, trusting.wire.orders):
        answer, age = None, LEEWAY
        while age >= LEEWAY:  # a machine that stalls for a second has asked too late: ask again
            token = _expired_for(trusting.issuer, 29)
            answer = ask(token)
            age = epoch(trusting.issuer.clock.now()) - parts(token)[1]["exp"]
        assert answer is not None and answer.status_code == 200


def test_a_real_token_is_good_for_its_lifetime_and_the_leeway(suite: Stack, phones: Phones, wire: Wire) -> None:
    access_token = tokens_of(phones.signed_in(ALICE)).access_token
    expires_at = parts(access_token)[1]["exp"]
    suite.advance(expires_at + 20 - suite.now().timestamp())  # expired, and within the leeway
    assert wire.contacts(access_token).status_code == wire.orders(access_token).status_code == 200
    suite.advance(expires_at + LEEWAY + 1 - suite.now().timestamp())  # also one that was verified before
    for answer in (wire.contacts(access_token), wire.orders(access_token)):
        assert_refused(answer)


@pytest.mark.requirement("RFC9068-4-typ")
def test_a_real_id_token_opens_nothing(phones: Phones, wire: Wire) -> None:
    id_token = tokens_of(phones.signed_in(ALICE)).id_token
    for answer in (wire.contacts(id_token), wire.orders(id_token), wire.userinfo(id_token)):
        assert_refused(answer)


@pytest.mark.requirement("RFC9700-2.3-api")
def test_a_real_token_for_one_api_does_not_open_the_other(phones: Phones, wire: Wire) -> None:
    network = Wiretap()
    phones.signed_in(ALICE, network)
    (sign_in,) = network.stolen("authorization_code")
    narrow = wire.refresh(sign_in.response.json()["refresh_token"], scope="openid crm:read").json()["access_token"]
    assert parts(narrow)[1]["aud"] == [wire.stack.crm]
    assert wire.contacts(narrow).status_code == 200
    assert_refused(wire.orders(narrow))


def test_a_real_token_without_api_scopes_opens_neither(phones: Phones, wire: Wire) -> None:
    network = Wiretap()
    phones.signed_in(ALICE, network)
    (sign_in,) = network.stolen("authorization_code")
    narrow = wire.refresh(sign_in.response.json()["refresh_token"], scope="openid profile").json()["access_token"]
    assert wire.userinfo(narrow).status_code == 200
    assert_refused(wire.contacts(narrow))
    assert_refused(wire.orders(narrow))


@pytest.mark.requirement("RFC6750-3.1")
def test_reading_does_not_allow_writing(phones: Phones, wire: Wire) -> None:
    network = Wiretap()
    phones.signed_in(ALICE, network)
    (sign_in,) = network.stolen("authorization_code")
    reading = wire.refresh(sign_in.response.json()["refresh_token"], scope="crm:read").json()["access_token"]
    headers = {"Authorization": f"Bearer {reading}"}
    answer = wire.http.post(f"{wire.stack.crm}/api/contacts", json={"name": "Dormouse"}, headers=headers)
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="crm:write"' in answer.headers["WWW-Authenticate"]


def test_a_real_token_with_another_header_or_signature_is_refused(phones: Phones, wire: Wire) -> None:
    access_token = tokens_of(phones.signed_in(ALICE)).access_token
    header, payload, signature = access_token.split(".")
    stranger = FakeIssuer(wire.stack.auth)
    jwk = wire.http.get(f"{wire.stack.auth}/.well-known/jwks.json").json()["keys"][0]
    public_key = jwt.PyJWK(jwk).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    confused = f"{_base64url(json.dumps({**parts(access_token)[0], 'alg': 'HS256'}).encode())}.{payload}"
    another = _base64url(json.dumps({**parts(access_token)[1], "roles": ["manager"]}).encode())
    forgeries = {
        "alg none": stranger.unsigned(access_token),
        "a stranger's key": stranger.forged(access_token),
        "HS256": f"{confused}.{_base64url(hmac.digest(public_key, confused.encode(), 'sha256'))}",
        "no kid": _with_header(access_token, without="kid"),
        "no typ": _with_header(access_token, without="typ"),
        "one bit": f"{header}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        "other claims": f"{header}.{another}.{signature}",
    }
    for what, forgery in forgeries.items():
        for answer in (wire.contacts(forgery), wire.orders(forgery), wire.userinfo(forgery)):
            assert answer.status_code == 401, what
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"], what


def test_a_token_counts_in_the_authorization_header_alone(phones: Phones, wire: Wire) -> None:
    access_token = tokens_of(phones.signed_in(ALICE)).access_token
    for address in (f"{wire.stack.crm}/api/contacts", f"{wire.stack.orders}/api/orders"):
        assert wire.http.get(address, params={"access_token": access_token}).status_code == 401
        assert wire.http.get(address, headers={"Cookie": f"access_token={access_token}"}).status_code == 401


def assert_refused(answer: httpx2.Response) -> None:
    """Assert 401, the challenge of RFC 6750 s3 with each attribute once, and an answer in the service's format."""
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert challenge.count('error="invalid_token"') == challenge.count("error=") == 1
    assert answer.headers["content-type"].startswith(("application/problem+json", "application/json"))


def _expired_for(issuer: FakeIssuer, seconds: int) -> str:
    now = epoch(issuer.clock.now())
    return issuer.access_token(iat=now - seconds - LIFETIME, exp=now - seconds)


def _hs256(issuer: FakeIssuer, secret: bytes) -> str:
    header, payload, _ = issuer.access_token(header={"alg": "HS256"}).split(".")
    signing_input = f"{header}.{payload}"
    return f"{signing_input}.{_base64url(hmac.digest(secret, signing_input.encode(), 'sha256'))}"


def _pem(issuer: FakeIssuer) -> bytes:
    public_key = issuer.private_key.public_key()
    return public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _with_header(token: str, *, without: str) -> str:
    kept = {name: value for name, value in parts(token)[0].items() if name != without}
    return f"{_base64url(json.dumps(kept).encode())}.{token.partition('.')[2]}"


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
