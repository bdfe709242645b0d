"""Spec: RFC 9470 s3, s5; RFC 6750 s3.1. Each route below demands something else of the same tokens."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Body, Depends, FastAPI
from starlette.testclient import TestClient

from shared.bearer import (
    AccessTokenVerifier,
    Principal,
    ProtectedApi,
    ProtectedRoute,
    fail_closed,
    install_bearer,
    require_auth,
    require_scope,
)
from shared.problem_handlers import install_problem_details
from shared.testing import FakeIssuer, SettableClock

MFA = "urn:company:acr:mfa"
FIVE_MINUTES = timedelta(minutes=5)
Refunder = Annotated[Principal, Depends(require_scope("orders:write"))]
step_up = require_auth(acr=MFA, max_age=FIVE_MINUTES)


async def behind_a_dependency(principal: Annotated[Principal, Depends(step_up)]) -> str:
    return principal.subject


@pytest.fixture
def client(verifier: AccessTokenVerifier) -> Iterator[TestClient]:
    router = APIRouter(route_class=ProtectedRoute)

    @router.post("/refund", dependencies=[Depends(step_up), Depends(fail_closed)])
    async def refund(principal: Refunder, body: Annotated[dict[str, Any], Body()]) -> str:
        return principal.subject

    @router.post("/nested")
    async def nested(subject: Annotated[str, Depends(behind_a_dependency)], body: Annotated[int, Body()]) -> str:
        return subject

    @router.get("/strong")
    async def strong(principal: Annotated[Principal, Depends(require_auth(acr=MFA))]) -> str:
        return principal.subject

    @router.get("/recent")
    async def recent(principal: Annotated[Principal, Depends(require_auth(max_age=FIVE_MINUTES))]) -> str:
        return principal.subject

    app = FastAPI(openapi_url=None)
    install_problem_details(app)
    install_bearer(app, ProtectedApi("orders", "http://localhost:9001", "http://localhost:9000", (), verifier))
    app.include_router(router)
    with TestClient(app) as client:
        yield client


def get(client: TestClient, path: str, token: str) -> httpx2.Response:
    return client.get(path, headers={"Authorization": f"Bearer {token}"})


def refund(client: TestClient, token: str, path: str = "/refund") -> httpx2.Response:
    return client.post(path, content=b"{", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.requirement("RFC9470-3", "ASVS-10.3.2")
def test_a_weaker_sign_in_is_challenged_with_all_that_the_route_demands(client: TestClient, issuer: FakeIssuer) -> None:
    answer = refund(client, issuer.access_token())
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="orders", error="insufficient_user_authentication", '
        'error_description="A stronger or more recent sign-in is needed.", '
        f'acr_values="{MFA}", max_age="300", '
        'resource_metadata="http://localhost:9001/.well-known/oauth-protected-resource"'
    )
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("RFC9470-3")
def test_each_part_is_demanded_alone(client: TestClient, issuer: FakeIssuer) -> None:
    weak, strong = issuer.access_token(), issuer.access_token(acr=MFA)
    assert get(client, "/strong", strong).status_code == get(client, "/recent", weak).status_code == 200
    said = get(client, "/strong", weak).headers["WWW-Authenticate"]
    assert "acr_values=" in said and "max_age=" not in said
    said = get(client, "/recent", issuer.access_token(auth_time=0)).headers["WWW-Authenticate"]
    assert "acr_values=" not in said and 'max_age="300"' in said


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_sign_in_grows_too_old_though_its_token_was_verified_before(
    client: TestClient, issuer: FakeIssuer, clock: SettableClock, seen_before: bool
) -> None:
    token = issuer.access_token()
    clock.advance(minutes=4)
    later = token if seen_before else issuer.access_token(auth_time=int(clock.now().timestamp()) - 240)
    assert get(client, "/recent", later).status_code == 200
    clock.advance(minutes=1)
    assert get(client, "/recent", later).status_code == 200
    clock.advance(seconds=1)
    assert get(client, "/recent", later).status_code == 401


def test_a_sign_in_in_the_future_is_not_recent(client: TestClient, issuer: FakeIssuer) -> None:
    now = int(issuer.clock.now().timestamp())
    assert get(client, "/recent", issuer.access_token(auth_time=now + 30)).status_code == 200
    assert get(client, "/recent", issuer.access_token(auth_time=now + 31)).status_code == 401


@pytest.mark.parametrize("acr", ["urn:company:acr:mfa2", "mfa", "URN:COMPANY:ACR:MFA", "urn:company:acr:1fa"])
def test_a_class_that_only_looks_like_it_is_not_enough(client: TestClient, issuer: FakeIssuer, acr: str) -> None:
    assert get(client, "/strong", issuer.access_token(acr=acr)).status_code == 401


def test_a_machine_client_never_signed_in(client: TestClient, issuer: FakeIssuer) -> None:
    for path in ("/strong", "/recent"):
        assert (
            "insufficient_user_authentication" in get(client, path, issuer.machine_token()).headers["WWW-Authenticate"]
        )


def test_who_lacks_the_scope_is_told_so_and_not_to_sign_in_anew(client: TestClient, issuer: FakeIssuer) -> None:
    answer = refund(client, issuer.access_token(scope="orders:read"))
    assert (answer.status_code, "insufficient_scope" in answer.headers["WWW-Authenticate"]) == (403, True)


@pytest.mark.parametrize("path", ["/refund", "/nested"])
def test_the_body_is_not_looked_at_before_all_demands_are_met(
    client: TestClient, issuer: FakeIssuer, path: str
) -> None:
    assert refund(client, issuer.access_token(), path).status_code == 401
    assert refund(client, issuer.access_token(acr=MFA), path).status_code == 415


@pytest.mark.parametrize(
    "demands",
    [{}, {"acr": 'a"b'}, {"acr": "a b"}, {"acr": "a\\b"}, {"acr": ""}, {"max_age": timedelta(0)}],
)
def test_a_demand_that_cannot_be_met_or_said_is_refused_at_the_start(demands: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="require_auth"):
        require_auth(**demands)
