"""Attacks on the two APIs by way of the access token, each against the whole service over HTTP.

Spec: RFC 9068 s5, RFC 8725 s2, RFC 6750 s3
"""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

import services.crm.app
import services.orders.app
from services.crm.settings import CrmSettings
from services.orders.settings import OrdersSettings
from shared.asgi import Edge
from shared.testing import FakeIssuer, SettableClock, parts
from tests.support.databases import migrated


@dataclass(frozen=True)
class Target:
    """One API under attack."""

    name: str
    path: str
    identifier: str
    issuer: FakeIssuer
    client: TestClient

    def get(self, token: str) -> httpx2.Response:
        return self.client.get(self.path, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(params=["crm", "orders"])
def target(request: pytest.FixtureRequest, clock: SettableClock, tmp_path: Path) -> Iterator[Target]:
    name: str = request.param
    issuer = FakeIssuer(clock=clock)
    url = f"sqlite:///{tmp_path / 'api.sqlite3'}"
    migrated(name, url).dispose()
    given = {"environment": "local", "data_dir": tmp_path, "database_url": url}
    if name == "crm":
        crm = CrmSettings.model_validate(given)
        app = services.crm.app.create_app(crm, clock=clock, jwks_transport=issuer.transport())
        path, identifier = "/api/contacts", crm.audience
    else:
        orders = OrdersSettings.model_validate(given)
        app = services.orders.app.create_app(orders, clock=clock, jwks_transport=issuer.transport())
        path, identifier = "/api/orders", orders.audience
    with TestClient(Edge(app)) as client:
        yield Target(name, path, identifier, issuer, client)


def refused(answer: httpx2.Response) -> None:
    """Assert the one answer that every bad token gets."""
    assert answer.status_code == 401
    assert answer.headers["Cache-Control"] == "no-store"
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer realm=")
    assert 'error="invalid_token"' in challenge
    assert answer.json()["detail"] == "The access token is not valid here, or has expired."


def with_kid(token: str, kid: str) -> str:
    """Return the token under another kid, which its signature does not fit (and need not: no key is found)."""
    header, _ = parts(token)
    segment = base64.urlsafe_b64encode(json.dumps({**header, "kid": kid}).encode()).rstrip(b"=").decode()
    return f"{segment}.{token.partition('.')[2]}"


def test_a_good_token_is_let_in(target: Target) -> None:
    assert target.get(target.issuer.access_token()).status_code == 200


FORGERIES: dict[str, Callable[[FakeIssuer], str]] = {
    "alg none": lambda issuer: issuer.unsigned(issuer.access_token()),
    "alg none with the old signature": lambda issuer: (
        issuer.unsigned(issuer.access_token()) + issuer.access_token().split(".")[2]
    ),
    "HS256 signed with the public key": lambda issuer: issuer.hs256(issuer.access_token()),
    "signed by a stranger under our kid": lambda issuer: issuer.forged(issuer.access_token()),
    "an ID token in place of an access token": lambda issuer: issuer.id_token(),
    "an ID token for this very audience": lambda issuer: issuer.id_token(aud=issuer.audience, client_id="mobile-app"),
    "typ JWT": lambda issuer: issuer.access_token(header={"typ": "JWT"}),
    "no typ": lambda issuer: issuer.access_token(without=["typ"]),
    "a logout token": lambda issuer: issuer.access_token(header={"typ": "logout+jwt"}),
    "no kid": lambda issuer: issuer.access_token(without=["kid"]),
    "an unknown kid": lambda issuer: issuer.access_token(header={"kid": "../../etc/passwd"}),
    "a key of the attacker's by jku": lambda issuer: issuer.forged(
        issuer.access_token(header={"jku": "http://evil.example/jwks.json"})
    ),
    "a critical extension": lambda issuer: issuer.access_token(header={"crit": ["b64"], "b64": False}),
    "another issuer": lambda issuer: issuer.access_token(iss="http://evil.example"),
    "the issuer with a slash": lambda issuer: issuer.access_token(iss="http://localhost:9000/"),
    "another audience": lambda issuer: issuer.access_token(aud=["http://localhost:9003"]),
    "no audience": lambda issuer: issuer.access_token(without=["aud"]),
    "the issuer as audience": lambda issuer: issuer.access_token(aud=[issuer.url]),
    "a lifetime of ten years": lambda issuer: issuer.access_token(exp=4102444800),
    "a bound token without its proof": lambda issuer: issuer.access_token(cnf={"jkt": "x"}),
    "a token of 100 kB": lambda issuer: issuer.access_token(pad="x" * 100_000),
}


@pytest.mark.requirement("RFC9068-4-alg", "RFC6750-3.1")
@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_refused(target: Target, forgery: Callable[[FakeIssuer], str]) -> None:
    target.get(target.issuer.access_token())  # the keys are in memory, and a good token is remembered
    refused(target.get(forgery(target.issuer)))


@pytest.mark.requirement("RFC6750-3-quoted")
def test_every_bad_token_gets_the_same_answer(target: Target) -> None:
    target.get(target.issuer.access_token())
    answers = [target.get(forgery(target.issuer)) for forgery in FORGERIES.values()]
    assert len({(answer.content, answer.headers["WWW-Authenticate"]) for answer in answers}) == 1


@pytest.mark.requirement("RFC9700-2.3-api")
def test_a_token_for_one_api_alone_does_not_open_the_other(target: Target) -> None:
    [other] = set(target.issuer.audience) - {target.identifier}
    assert target.get(target.issuer.access_token(aud=[target.identifier])).status_code == 200
    refused(target.get(target.issuer.access_token(aud=[other])))


@pytest.mark.parametrize("seen_before", [True, False], ids=["remembered", "never seen"])
def test_expired_by_29_seconds_passes_and_by_31_does_not(
    target: Target, clock: SettableClock, seen_before: bool
) -> None:
    token = target.issuer.access_token()
    if seen_before:
        assert target.get(token).status_code == 200
    clock.advance(minutes=15, seconds=29)
    assert target.get(token).status_code == 200
    clock.advance(seconds=2)
    refused(target.get(token))


def test_a_remembered_token_carries_no_rights_from_one_route_to_another(target: Target) -> None:
    read_only = target.issuer.access_token(scope=f"{target.name}:read")
    assert target.get(read_only).status_code == 200
    answer = target.client.post(target.path, json={}, headers={"Authorization": f"Bearer {read_only}"})
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert f'scope="{target.name}:write"' in answer.headers["WWW-Authenticate"]


@pytest.mark.requirement("ASVS-10.3.2")
@pytest.mark.parametrize("scope", ["", "openid", "{name}:reader", "{name}:READ", "xx{name}:read", "{name}:write"])
def test_a_scope_that_only_looks_like_it_is_not_enough(target: Target, scope: str) -> None:
    token = target.issuer.access_token(scope=scope.format(name=target.name))
    assert target.get(token).status_code == 403


def test_a_storm_of_forged_kids_costs_one_fetch_a_cooldown(target: Target, clock: SettableClock) -> None:
    """The key cache's own test sends ten thousand."""
    good = target.issuer.access_token()
    assert target.get(good).status_code == 200
    before = target.issuer.fetches
    for number in range(300):
        assert target.get(with_kid(good, f"forged-{number}")).status_code == 401
    assert target.issuer.fetches == before + 1
    assert target.get(good).status_code == 200
    clock.advance(seconds=30)
    target.get(with_kid(good, "forged-again"))
    assert target.issuer.fetches == before + 2


@pytest.mark.requirement("RFC6750-3", "RFC9728-3")
def test_no_credentials_are_challenged_without_an_error_code(target: Target) -> None:
    answer = target.client.get(target.path)
    assert answer.status_code == 401
    metadata = f"{target.identifier}/.well-known/oauth-protected-resource"
    scope = f"{target.name}:read"  # what a client is to ask for, before it knows anything of this API
    said = f'Bearer realm="{target.name}", scope="{scope}", resource_metadata="{metadata}"'
    assert answer.headers["WWW-Authenticate"] == said


@pytest.mark.requirement("RFC6750-3")
@pytest.mark.parametrize("header", ["Basic YWxpY2U6c2VjcmV0", "GNAP x", "", "Token x", "Bearerx y"])
def test_another_scheme_is_no_credential(target: Target, header: str) -> None:
    answer = target.client.get(target.path, headers={"Authorization": header})
    assert answer.status_code == 401
    assert "error=" not in answer.headers["WWW-Authenticate"]


@pytest.mark.requirement("RFC6750-3.1")
@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "bearer",
        "Bearer a b",
        "Bearer a,b",
        "Bearer a, Bearer b",
        'Bearer "a"',
        "Bearer =",
        "Bearer\ta",
    ],
)
def test_a_malformed_header_is_an_invalid_request(target: Target, header: str) -> None:
    answer = target.client.get(target.path, headers={"Authorization": header})
    assert (answer.status_code, 'error="invalid_request"' in answer.headers["WWW-Authenticate"]) == (400, True)


@pytest.mark.requirement("OAUTH21-5.2", "RFC6750-3.1")
def test_two_headers_are_an_invalid_request_though_both_are_good(target: Target) -> None:
    value = f"Bearer {target.issuer.access_token()}"
    answer = target.client.get(target.path, headers=[("Authorization", value), ("authorization", value)])
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


def test_the_scheme_ignores_case(target: Target) -> None:
    header = {"Authorization": f"bEaReR {target.issuer.access_token()}"}
    assert target.client.get(target.path, headers=header).status_code == 200


@pytest.mark.requirement("RFC9700-4.3.2", "OAUTH21-5.2")
def test_a_token_in_the_query_is_no_credential(target: Target) -> None:
    """RFC 9700 s4.3.2: addresses end in logs."""
    answer = target.client.get(target.path, params={"access_token": target.issuer.access_token()})
    assert answer.status_code == 401


def test_the_body_is_not_looked_at_before_the_credentials(target: Target) -> None:
    headers = {"Content-Type": "application/json"}
    assert target.client.post(target.path, content=b"{", headers=headers).status_code == 401
    assert target.client.post(target.path, content=b"x" * 2_000_000, headers=headers).status_code == 401
    read_only = target.issuer.access_token(scope=f"{target.name}:read")
    headers["Authorization"] = f"Bearer {read_only}"
    assert target.client.post(target.path, content=b"{", headers=headers).status_code == 403


@pytest.mark.requirement("RFC9068-6")
def test_no_answer_and_no_log_line_echoes_the_token(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    good = target.issuer.access_token()
    tokens = [good, target.issuer.forged(good), target.issuer.access_token(scope="openid"), "not-even-a-token"]
    for token in tokens:
        answer = target.get(token)
        said = answer.text + str(answer.headers) + caplog.text
        assert not any(segment and segment in said for segment in (token, *token.split(".")))


@pytest.mark.requirement("RFC6750-3-quoted")
def test_quotes_in_the_request_do_not_reach_the_challenge(target: Target) -> None:
    answer = target.client.get(f'{target.path}?x="', headers={"Authorization": 'Bearer x", error="none'})
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.count("error=") == 1 and "none" not in challenge
