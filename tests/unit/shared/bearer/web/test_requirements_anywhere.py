"""A requirement is asked wherever it was written: a route that asks its own must not let the others be skipped."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.testclient import TestClient

from shared.bearer import (
    BearerSettings,
    Principal,
    ProtectedApi,
    ProtectedRoute,
    install_bearer,
    require_auth,
    require_scope,
)
from shared.problem_handlers import install_problem_details
from shared.testing import FakeIssuer, SettableClock

MFA = "urn:company:acr:mfa"
STRONG = require_auth(acr=MFA)
PLACES = ("route", "router", "include_router", "an outer include_router", "application", "endpoint", "dependency")


async def _asks_within(request: Request) -> None:
    await STRONG(request)


def _application(place: str, issuer: FakeIssuer) -> FastAPI:
    def here(*places: str) -> list[object]:
        return [Depends(STRONG)] if place in places else []

    app = FastAPI(dependencies=here("application"))  # type: ignore[arg-type]
    settings = BearerSettings(issuer=issuer.url, audience=issuer.audience[0])
    api = ProtectedApi.from_settings("api", settings, (), clock=issuer.clock, transport=issuer.transport())
    install_problem_details(app)
    install_bearer(app, api)
    router = APIRouter(route_class=ProtectedRoute, dependencies=here("router"))  # type: ignore[arg-type]
    within = [Depends(_asks_within)] if place == "dependency" else []

    @router.get("/refund", dependencies=[*here("route"), *within])  # type: ignore[list-item]
    async def refund(request: Request, principal: Annotated[Principal, Depends(require_scope("crm:read"))]) -> str:
        if place == "endpoint":
            await STRONG(request)
        return principal.subject

    outer = APIRouter()
    outer.include_router(router, dependencies=here("include_router"))  # type: ignore[arg-type]
    app.include_router(outer, dependencies=here("an outer include_router"))  # type: ignore[arg-type]
    return app


@pytest.mark.parametrize("place", PLACES)
def test_no_place_of_a_step_up_lets_a_weak_sign_in_pass(place: str, clock: SettableClock) -> None:
    issuer = FakeIssuer(clock=clock)
    with TestClient(_application(place, issuer)) as client:

        def status(acr: str) -> int:
            headers = {"Authorization": f"Bearer {issuer.access_token(acr=acr)}"}
            return client.get("/refund", headers=headers).status_code

        assert status("urn:company:acr:1fa") == 401
        assert status(MFA) == 200
