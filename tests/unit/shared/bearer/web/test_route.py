"""A route asks all that it demands, however that was written down, and describes itself as FastAPI would."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from shared.bearer import AccessTokenVerifier, Principal, ProtectedApi, ProtectedRoute, install_bearer, require_scope
from shared.problem_handlers import install_problem_details
from shared.testing import ALICE, FakeIssuer

Reader = Annotated[Principal, Depends(require_scope("a"))]
needs_b = Depends(require_scope("b"))
PATHS = ("/annotated", "/default", "/request/7", "/connection", "/sync", "/extra", "/included/annotated", "/elsewhere")


@pytest.fixture
def client(verifier: AccessTokenVerifier) -> Iterator[TestClient]:
    router = APIRouter(route_class=ProtectedRoute)

    @router.get("/annotated")
    async def annotated(caller: Reader) -> str:
        return caller.subject

    @router.get("/default")
    async def default(caller: Principal = Depends(require_scope("a"))) -> str:  # noqa: B008, FAST002
        return caller.subject

    @router.get("/request/{number}")
    async def with_request(request: Request, number: int, caller: Reader) -> str:
        assert (number, request.url.path) == (7, "/request/7")
        return caller.subject

    @router.get("/connection")
    async def with_connection(connection: HTTPConnection, caller: Reader) -> str:
        assert connection.url.path == "/connection"
        return caller.subject

    @router.get("/sync")
    def sync(caller: Reader) -> str:
        return caller.subject

    @router.get("/extra", dependencies=[needs_b])
    async def extra(caller: Reader) -> str:
        return caller.subject

    elsewhere = APIRouter(route_class=APIRoute)
    (protected,) = (one for one in router.routes if isinstance(one, APIRoute) and one.path == "/annotated")
    elsewhere.add_api_route("/elsewhere", protected.endpoint)

    app = FastAPI()
    install_problem_details(app)
    install_bearer(app, ProtectedApi("api", "http://localhost:9001", "http://localhost:9000", ("a", "b"), verifier))
    app.include_router(router)
    app.include_router(router, prefix="/included", dependencies=[needs_b])
    app.include_router(elsewhere)
    with TestClient(app) as client:
        yield client


def status(client: TestClient, path: str, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = client.get(path, headers=headers)
    assert answer.status_code != 200 or answer.json() == ALICE
    return answer.status_code


@pytest.mark.parametrize("path", PATHS)
def test_every_way_to_write_a_demand_is_asked(client: TestClient, issuer: FakeIssuer, path: str) -> None:
    both = issuer.access_token(scope="a b")
    assert [status(client, path, token) for token in (both, both)] == [200, 200]
    assert status(client, path, None) == status(client, path, issuer.forged(both)) == 401
    assert status(client, path, issuer.access_token(scope="b")) == 403


@pytest.mark.parametrize("path", ["/extra", "/included/annotated"])
def test_a_demand_beside_the_endpoint_is_asked_as_well(client: TestClient, issuer: FakeIssuer, path: str) -> None:
    """Also one that `include_router` adds, which the route itself does not see."""
    only_a = issuer.access_token(scope="a")
    assert [status(client, path, only_a) for _ in range(2)] == [403, 403]


def test_each_operation_is_described_as_before(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["access_token"]["scheme"] == "bearer"
    for path, scopes in {"/annotated": ["a"], "/sync": ["a"], "/extra": ["a", "b"]}.items():
        assert document["paths"][path]["get"]["security"] == [{"sign_in": scopes}, {"access_token": []}]


def test_the_answers_stay_out_of_caches(client: TestClient, issuer: FakeIssuer) -> None:
    answer = client.get("/annotated", headers={"Authorization": f"Bearer {issuer.access_token(scope='a')}"})
    assert answer.headers.get_list("Cache-Control") == ["no-store"]
