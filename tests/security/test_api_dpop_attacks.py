"""Attacks on bound tokens at crm and orders, each by its name, over HTTP (RFC 9449 s7, s11)."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

import services.crm.app
import services.orders.app
from services.crm.settings import CrmSettings
from services.orders.settings import OrdersSettings
from shared.asgi import Edge
from shared.testing import FakeIssuer, FakeWallet, SettableClock
from shared.testing.wallet import FAULTS
from tests.security.test_bearer_attacks import Target
from tests.support.databases import migrated

ALGS = 'algs="ES256 RS256 PS256 EdDSA"'


@pytest.fixture(params=["crm", "orders"])
def target(request: pytest.FixtureRequest, clock: SettableClock, tmp_path: Path) -> Iterator[Target]:
    name: str = request.param
    issuer, url = FakeIssuer(clock=clock), f"sqlite:///{tmp_path / 'api.sqlite3'}"
    migrated(name, url).dispose()
    given = {"environment": "local", "data_dir": tmp_path, "database_url": url}
    if name == "crm":
        crm = CrmSettings.model_validate({**given, "audience": "https://crm.example"})
        app = services.crm.app.create_app(crm, clock=clock, jwks_transport=issuer.transport())
        path = "/api/contacts"
    else:
        orders = OrdersSettings.model_validate({**given, "audience": "https://orders.example"})
        app = services.orders.app.create_app(orders, clock=clock, jwks_transport=issuer.transport())
        path = "/api/orders"
    issuer.audience = [f"https://{name}.example"]
    with TestClient(Edge(app), base_url="http://10.0.0.7:9001") as client:  # as behind a proxy that ends TLS
        yield Target(name, path, issuer.audience[0], issuer, client)


@pytest.fixture
def owner(clock: SettableClock) -> FakeWallet:
    return FakeWallet(clock=clock)


def send(target: Target, headers: dict[str, str], *, method: str = "GET", query: str = "") -> httpx2.Response:
    return target.client.request(method, f"{target.path}{query}", headers=headers)


def address(target: Target) -> str:
    return f"{target.identifier}{target.path}"


def refused(answer: httpx2.Response, error: str, scheme: str = "DPoP") -> None:
    assert answer.status_code == 401, answer.text
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith(f"{scheme} ") and f'error="{error}"' in challenge
    assert (ALGS in challenge) == (scheme == "DPoP")


@pytest.mark.requirement("RFC9449-7.1")
def test_the_owner_of_the_key_is_let_in_by_the_public_address(target: Target, owner: FakeWallet) -> None:
    token = target.issuer.access_token(cnf=owner.cnf)
    for _ in range(3):  # the first one is verified, the others are remembered: each needs a proof of its own
        assert send(target, owner.headers("GET", address(target), token)).status_code == 200
    inside = owner.headers("GET", f"http://10.0.0.7:9001{target.path}", token)
    refused(send(target, inside), "invalid_dpop_proof")


@pytest.mark.requirement("RFC9449-7.2")
def test_a_bound_token_is_no_bearer_token_also_once_it_is_remembered(target: Target, owner: FakeWallet) -> None:
    token = target.issuer.access_token(cnf=owner.cnf)
    assert send(target, owner.headers("GET", address(target), token)).status_code == 200
    bearer = {"Authorization": f"Bearer {token}"}
    refused(send(target, bearer), "invalid_token", "Bearer")
    proof = owner.proof("GET", address(target), access_token=token)
    refused(send(target, {**bearer, "DPoP": proof}), "invalid_token", "Bearer")


def test_a_bearer_token_does_not_become_a_bound_one(target: Target, owner: FakeWallet) -> None:
    token = target.issuer.access_token()
    assert target.get(token).status_code == 200
    refused(send(target, owner.headers("GET", address(target), token)), "invalid_token")


def test_a_thief_with_the_token_but_not_the_key_gets_nothing(
    target: Target, owner: FakeWallet, clock: SettableClock
) -> None:
    thief, token = FakeWallet(clock=clock), target.issuer.access_token(cnf=owner.cnf)
    assert send(target, owner.headers("GET", address(target), token)).status_code == 200
    refused(send(target, thief.headers("GET", address(target), token)), "invalid_token")
    refused(send(target, {"Authorization": f"DPoP {token}"}), "invalid_dpop_proof")
    forged = thief.headers("GET", address(target), token, header={"jwk": owner.jwk})
    refused(send(target, forged), "invalid_dpop_proof")


def test_a_proof_replayed_with_another_method_path_query_or_token(target: Target, owner: FakeWallet) -> None:
    token = target.issuer.access_token(cnf=owner.cnf)
    headers = owner.headers("GET", address(target), token)
    refused(send(target, headers, method="POST"), "invalid_dpop_proof")
    refused(target.client.get(f"{target.path}/1", headers=headers), "invalid_dpop_proof")
    other = target.issuer.access_token(cnf=owner.cnf)
    refused(send(target, {**headers, "Authorization": f"DPoP {other}"}), "invalid_dpop_proof")
    assert send(target, headers).status_code == 200
    refused(send(target, headers), "invalid_dpop_proof")
    refused(send(target, headers, query="?limit=1"), "invalid_dpop_proof")


def test_a_proof_replayed_after_the_issuers_keys_have_rotated(target: Target, owner: FakeWallet) -> None:
    token = target.issuer.access_token(cnf=owner.cnf)
    headers = owner.headers("GET", address(target), token)
    assert send(target, headers).status_code == 200
    target.issuer.announce()
    target.issuer.rotate(keep_old=True)
    assert target.get(target.issuer.access_token()).status_code == 200, "all that was remembered of tokens is forgotten"
    refused(send(target, headers), "invalid_dpop_proof")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_faulty_proof_is_refused(target: Target, owner: FakeWallet, fault: str) -> None:
    token = target.issuer.access_token(cnf=owner.cnf)
    answer = send(target, owner.headers("GET", address(target), token, fault=fault))
    late = fault in {"old", "from_the_future"}
    refused(answer, "use_dpop_nonce" if late else "invalid_dpop_proof")
    assert ("DPoP-Nonce" in answer.headers) == late


@pytest.mark.requirement("RFC9449-8")
def test_a_client_whose_clock_is_off_by_a_day_is_let_in_by_one_nonce(
    target: Target, owner: FakeWallet, clock: SettableClock
) -> None:
    late = FakeWallet(clock=SettableClock(clock.now().replace(year=2031)), key=owner.key)
    token = target.issuer.access_token(cnf=owner.cnf)
    nonce = send(target, late.headers("GET", address(target), token)).headers["DPoP-Nonce"]
    assert send(target, late.headers("GET", address(target), token, nonce=nonce)).status_code == 200


def test_a_request_with_a_body_needs_one_proof_and_not_two(target: Target, owner: FakeWallet) -> None:
    """What is required is asked again when the body is in; the proof is used up by then."""
    token = target.issuer.access_token(cnf=owner.cnf)
    headers = owner.headers("POST", address(target), token)
    answer = target.client.post(target.path, headers=headers, json={"nonsense": True})
    assert answer.status_code == 422, answer.text
    refused(target.client.post(target.path, headers=headers, json={"nonsense": True}), "invalid_dpop_proof")


def test_a_revoked_sign_in_is_refused_whatever_the_proof(
    target: Target, owner: FakeWallet, clock: SettableClock
) -> None:
    token = target.issuer.access_token(cnf=owner.cnf)
    assert send(target, owner.headers("GET", address(target), token)).status_code == 200
    target.issuer.revoke(token)
    clock.advance(seconds=61)
    refused(send(target, owner.headers("GET", address(target), token)), "invalid_token")
