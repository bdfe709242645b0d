"""Ways in which another team's application forgets its protection: each is an error, or is told at the start."""

import logging
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Query, Security
from fastapi.exceptions import FastAPIError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from shared.bearer import (
    BearerSettings,
    Principal,
    ProtectedApi,
    ProtectedRoute,
    UnprotectedRoute,
    install_bearer,
    public,
    require_auth,
    require_scope,
)
from shared.bearer.web.requirements import ScopeRequirement
from shared.testing import FakeIssuer

Reader = Annotated[Principal, Depends(require_scope("a"))]


async def whoever() -> Principal:
    raise NotImplementedError


async def nothing_asked() -> str:
    return "x"


async def from_a_body(caller: Principal) -> str:
    return caller.subject


async def from_a_body_said(caller: Annotated[Principal, Body()]) -> str:
    return caller.subject


async def from_the_query(caller: Annotated[Principal, Query()]) -> str:
    return caller.subject


async def from_the_class(reader: Reader, caller: Annotated[Principal, Depends()]) -> str:
    return caller.subject


async def optional(reader: Reader, caller: Principal | None = None) -> str:
    return "x"


async def uncalled(reader: Reader, caller: Annotated[Principal, Depends(require_auth)]) -> str:
    return "x"


async def uncalled_scope(caller: Annotated[Any, Depends(require_scope)]) -> str:
    return "x"


async def uncalled_class(caller: Annotated[Any, Depends(ScopeRequirement)]) -> str:
    return "x"


async def another_dependency(reader: Reader, caller: Annotated[Principal, Depends(whoever)]) -> str:
    return "x"


async def scopes_of_security(caller: Annotated[Principal, Security(require_auth(acr="x"), scopes=["a"])]) -> str:
    return "x"


async def answers_it(caller: Reader) -> Principal:
    return caller


BENT = (
    nothing_asked,
    from_a_body,
    from_a_body_said,
    from_the_query,
    from_the_class,
    optional,
    uncalled,
    uncalled_scope,
    uncalled_class,
    another_dependency,
    scopes_of_security,
    answers_it,
)


@pytest.mark.parametrize("endpoint", BENT, ids=lambda endpoint: endpoint.__name__)
def test_a_route_that_only_looks_protected_cannot_be_made(endpoint: Callable[..., Any]) -> None:
    router = APIRouter(route_class=ProtectedRoute)
    with pytest.raises((UnprotectedRoute, TypeError, FastAPIError)):
        router.add_api_route("/x", endpoint, methods=["POST"])


@pytest.mark.parametrize("endpoint", [from_a_body, from_a_body_said, from_the_query, optional, answers_it])
def test_no_route_at_all_reads_a_principal_from_a_request(endpoint: Callable[..., Any]) -> None:
    with pytest.raises((TypeError, FastAPIError)):
        FastAPI().add_api_route("/x", endpoint, methods=["POST"])


def started(issuer: FakeIssuer, *routers: APIRouter) -> FastAPI:
    settings = BearerSettings(issuer=issuer.url, audience="http://localhost:9001")
    api = ProtectedApi.from_settings("api", settings, ("a",), clock=issuer.clock, transport=issuer.transport())
    app = FastAPI(lifespan=lambda _: api.running())
    install_bearer(app, api)
    for router in routers:
        app.include_router(router)
    return app


def _files() -> Mount:
    return Mount("/files", app=PlainTextResponse("a file"))


def _route() -> Route:
    return Route("/raw", lambda _: PlainTextResponse("raw"))


def _other_class() -> APIRoute:
    return APIRoute("/other", nothing_asked)


@pytest.mark.parametrize("hidden", [_files, _route, _other_class])
def test_an_application_with_an_open_route_inside_a_protected_router_does_not_start(
    hidden: Callable[[], Any], issuer: FakeIssuer
) -> None:
    inner, outer = APIRouter(route_class=ProtectedRoute), APIRouter()
    inner.routes.append(hidden())
    outer.include_router(inner, prefix="/v1")
    with pytest.raises(UnprotectedRoute, match="protected routes"), TestClient(started(issuer, outer)):
        pass


@pytest.mark.parametrize("endpoint", [from_the_class, uncalled, uncalled_scope, another_dependency])
def test_an_application_whose_plain_route_only_looks_protected_does_not_start(
    endpoint: Callable[..., Any], issuer: FakeIssuer
) -> None:
    router = APIRouter()
    router.add_api_route("/x", endpoint)
    with pytest.raises(UnprotectedRoute), TestClient(started(issuer, router)):
        pass


def test_open_routes_are_listed_at_the_start(issuer: FakeIssuer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "shared.bearer")
    router = APIRouter(route_class=ProtectedRoute)

    @router.get("/about")
    @public
    async def about() -> str:
        return "for everybody"

    @router.get("/closed")
    async def closed(caller: Annotated[Principal, Depends(require_scope("b"))]) -> str:
        return caller.subject

    router.routes.append(ProtectedRoute("/news", nothing_asked, public=True))
    forgotten = APIRouter()
    forgotten.add_api_route("/forgotten", nothing_asked)
    forgotten.mount("/files", PlainTextResponse("a file"))
    with TestClient(started(issuer, router, forgotten)) as client:
        assert client.get("/about").status_code == client.get("/news").status_code == 200
        assert client.get("/closed").status_code == 401
    for path in ("/about", "/news", "/forgotten", "/files", "/openapi.json"):
        assert path in caplog.text
    assert "/closed" not in caplog.text
    assert "does not name: b" in caplog.text


def test_a_route_is_not_public_and_protected_at_once() -> None:
    async def both(caller: Reader) -> str:
        return caller.subject

    with pytest.raises(UnprotectedRoute, match="and not both"):
        ProtectedRoute("/x", both, public=True)


@pytest.mark.parametrize("scopes", [(), ("",), ("a b",), ('a"b',), ("a", "b c"), (["a"],), ("é",)])
def test_a_scope_that_no_token_can_hold_is_refused(scopes: tuple[Any, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        require_scope(*scopes)


@pytest.mark.parametrize("scopes", ["notes:read", ("notes read",), ["notes:read"]])
def test_the_scopes_of_an_api_are_a_tuple_of_scopes(scopes: Any, issuer: FakeIssuer) -> None:
    with pytest.raises(ValueError, match="scope"):
        ProtectedApi.from_settings("api", BearerSettings(issuer=issuer.url, audience="http://x"), scopes)


def test_a_route_of_an_application_without_the_verifier_lets_nobody_in(issuer: FakeIssuer) -> None:
    router = APIRouter(route_class=ProtectedRoute)

    @router.get("/x")
    async def closed(request: Request, caller: Reader) -> str:
        return caller.subject

    app = FastAPI()
    app.include_router(router)
    with pytest.raises(RuntimeError, match="install_bearer"):
        TestClient(app).get("/x", headers={"Authorization": f"Bearer {issuer.access_token(scope='a')}"})
