"""An API that runs again and again (a TestClient a test, a lifespan a call), or that nobody calls for a long time."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.testclient import TestClient

from shared.bearer import (
    BearerSettings,
    InvalidToken,
    Principal,
    ProtectedApi,
    ProtectedRoute,
    install_bearer,
    require_scope,
)
from shared.errors import Unavailable
from shared.testing import FakeIssuer, SettableClock

IDENTIFIER = "http://localhost:9001"


def made(issuer: FakeIssuer, *, last_good: Path | None = None, jwks_min_fresh: float = 30) -> ProtectedApi:
    settings = BearerSettings(issuer=issuer.url, audience=IDENTIFIER, jwks_min_fresh=timedelta(seconds=jwks_min_fresh))
    return ProtectedApi.from_settings(
        "api", settings, ("crm:read",), last_good=last_good, clock=issuer.clock, transport=issuer.transport()
    )


def application(api: ProtectedApi) -> FastAPI:
    app = FastAPI(lifespan=lambda _: api.running())
    install_bearer(app, api)
    router = APIRouter(route_class=ProtectedRoute)

    @router.get("/")
    async def root(caller: Annotated[Principal, Depends(require_scope("crm:read"))]) -> str:
        return caller.subject

    app.include_router(router)
    return app


def status(client: TestClient, token: str) -> int:
    return client.get("/", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_revoked_token_is_refused_in_every_run_of_the_application(issuer: FakeIssuer, clock: SettableClock) -> None:
    app, token = application(made(issuer)), issuer.access_token()
    for _ in range(2):
        with TestClient(app) as client:
            assert status(client, token) == 200
    issuer.revoke(token)
    with TestClient(app) as client:
        assert status(client, token) == 401
    with TestClient(app) as client:
        other = issuer.access_token()
        assert status(client, other) == 200
        issuer.revoke(other)
        clock.advance(seconds=16)
        assert status(client, other) == 401


def test_a_key_that_was_dropped_between_two_runs_opens_nothing(issuer: FakeIssuer) -> None:
    app, token = application(made(issuer)), issuer.access_token()
    with TestClient(app) as client:
        assert status(client, token) == 200
    issuer.rotate()
    with TestClient(app) as client:
        assert status(client, token) == 401


def test_a_closed_api_lets_nobody_in(issuer: FakeIssuer) -> None:
    async def ask() -> None:
        api, token = made(issuer), issuer.access_token()
        async with api.running():
            await api.verifier.verify(token)
        assert api.verifier.verify_cached(token.encode()) is None
        with pytest.raises(Unavailable):
            await api.verifier.verify(token)

    asyncio.run(ask())


def test_an_api_without_its_lifespan_works_in_one_event_loop_after_another(
    issuer: FakeIssuer, clock: SettableClock
) -> None:
    """A TestClient without `with` makes a loop for every request: a fetch of an ended one must be in nobody's way."""
    client, token = TestClient(application(made(issuer))), issuer.access_token()
    assert status(client, token) == 200
    issuer.revoke(token)
    clock.advance(seconds=17)
    assert status(client, token) == 401


def test_running_twice_at_once_is_refused(issuer: FakeIssuer) -> None:
    async def run_twice() -> None:
        api = made(issuer)
        async with api.running():
            with pytest.raises(RuntimeError, match="entered twice"):
                async with api.running():
                    pass
            await api.verifier.verify(issuer.access_token())

    asyncio.run(run_twice())


def test_keys_stay_warm_though_nobody_calls(issuer: FakeIssuer, clock: SettableClock) -> None:
    async def idle() -> None:
        async with made(issuer, jwks_min_fresh=0.02).running():
            await asyncio.sleep(0.05)
            for _ in range(3):
                clock.advance(hours=1)
                await asyncio.sleep(0.05)

    asyncio.run(idle())
    assert issuer.fetches >= 3


def test_a_restarted_api_looks_at_the_lists_it_knew_though_nobody_calls(
    issuer: FakeIssuer, clock: SettableClock, tmp_path: Path
) -> None:
    async def use() -> None:
        api = made(issuer, last_good=tmp_path)
        async with api.running():
            await api.verifier.verify(issuer.access_token())
            await asyncio.sleep(0.05)

    async def idle_then_an_outage() -> None:
        api = made(issuer, last_good=tmp_path)
        async with api.running():
            await asyncio.sleep(0.1)
            issuer.outage = True
            clock.advance(minutes=10)
            await api.verifier.verify(issuer.access_token())

    asyncio.run(use())
    clock.advance(hours=1)
    asyncio.run(idle_then_an_outage())


def test_keys_from_before_the_clock_was_set_back_do_not_serve(issuer: FakeIssuer, clock: SettableClock) -> None:
    async def set_back() -> None:
        api = made(issuer)
        await api.verifier.verify(issuer.access_token())
        issuer.outage = True
        clock.advance(seconds=-20)
        await api.verifier.verify(issuer.access_token())  # a step of the clock, as time servers make them
        clock.advance(minutes=-10)
        with pytest.raises(Unavailable):
            await api.verifier.verify(issuer.access_token())

    asyncio.run(set_back())


def test_a_remembered_token_is_not_good_before_it_was_issued(issuer: FakeIssuer, clock: SettableClock) -> None:
    async def set_back() -> None:
        api = made(issuer)
        clock.advance(seconds=60)
        token = issuer.access_token()
        await api.verifier.verify(token)
        clock.advance(seconds=-31)
        await api.verifier.verify(issuer.access_token())
        assert api.verifier.verify_cached(token.encode()) is None
        with pytest.raises(InvalidToken):
            await api.verifier.verify(token)

    asyncio.run(set_back())
