"""A resource server put together: database, keys, verifier, problems, health. What it serves is the service's own.

Spec: RFC 9068 s4, RFC 6750, RFC 9457, RFC 9728
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import httpx2
from fastapi import APIRouter, FastAPI

from shared.api.admission import ApiAdmission
from shared.api.cross_origin import CrossOrigin
from shared.api.head import HeadAsGet
from shared.api.openapi import install_description
from shared.api.rate_limits import RateLimits
from shared.api.settings import ApiSettings
from shared.api.teams import SqlTeams
from shared.api.upkeep import Upkeep, purging
from shared.bearer import ProtectedApi, install_bearer
from shared.clock import Clock
from shared.database import Database
from shared.health import health_router
from shared.problem_handlers import install_problem_details


def create_resource_server(
    name: str,
    title: str,
    settings: ApiSettings,
    *,
    scopes: tuple[str, ...],
    machine_scopes: tuple[str, ...] = (),
    routes: Callable[[Database, Clock], APIRouter],
    teams: Callable[[Database], SqlTeams],
    upkeep: Callable[[Database], Upkeep],
    clock: Clock | None = None,
    jwks_transport: httpx2.AsyncBaseTransport | None = None,
    opened: Sequence[AbstractAsyncContextManager[object]] = (),
    files: Collection[str] = (),
) -> FastAPI:
    """Return the application of the service `name`, its `routes`, `teams` and `upkeep` on its own database.

    `opened` is what the service has opened for its whole life, and is closed with it; `files` are the ids of operations
    that move whole files. `clock` and `jwks_transport` let
    a test set the time and stand in for the issuer.
    """
    clock = clock or settings.clock()
    database = Database(settings.database(name))
    api = ProtectedApi.from_settings(
        name,
        settings,
        scopes,
        machine_scopes=machine_scopes,
        last_good=settings.data_dir,
        clock=clock,
        transport=jwks_transport,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with api.running(), AsyncExitStack() as open_until_the_end:
            for one in opened:
                await open_until_the_end.enter_async_context(one)
            open_until_the_end.push_async_callback(limits.aclose)
            await open_until_the_end.enter_async_context(purging(upkeep(database), settings, clock))
            yield
        database.dispose()

    def ready() -> None:
        database.ping()
        api.verifier.jwks.ready()

    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page loads its scripts from elsewhere; `install_bearer` serves ours
        redoc_url=None,
        redirect_slashes=False,  # it would build the address from the Host header
    )
    storage_url = settings.rate_limit_storage_url.get_secret_value()
    limits = RateLimits(settings.rate_limits(), prefix=f"{name.upper()}_", storage_url=storage_url)
    app.state.admission = ApiAdmission(limits, teams(database), files)
    install_problem_details(app)
    install_description(app)
    install_bearer(app, api, docs=settings.docs)
    app.include_router(routes(database, clock))
    app.include_router(health_router(ready))
    app.add_middleware(HeadAsGet)
    _let_pages_call(app, settings.cors_origins.split())
    return app


def _let_pages_call(app: FastAPI, origins: Sequence[str]) -> None:
    """Wrap the whole stack, also what answers the unforeseen: a page could not read a 500 otherwise."""
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: CrossOrigin(build(), origins)  # type: ignore[method-assign]
