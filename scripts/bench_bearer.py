"""What verifying tokens costs an endpoint: `make bench-bearer` prints CPU time per request, in this process.

Each program is the same FastAPI endpoint, asked 2,000 rotating tokens through ASGI, without a socket: bare (twice: the
A/A control shows how far figures of this machine can be believed), with `shared.bearer`, and with PyJWKClient used as
its documentation shows; once more with a database query behind it. Rounds alternate, and the least of each slice
counts. Prints figures and asserts nothing. The peers that are not Python are measured by `tests/benchmarks/bearer.py`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypeAlias

import jwt
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool

from shared.bearer import BearerSettings, Principal, ProtectedApi, ProtectedRoute, install_bearer, require_scope
from shared.bearer.web.metadata import metadata_router
from shared.database import Database
from shared.testing import FakeIssuer

TOKENS, ROUNDS, SLICE = 2_000, 7, 50
AUDIENCE = "http://localhost:9001"
_BODY = b'{"hello":"world"}'
BARE, AGAIN, OURS, PEER = "bare", "bare, again (A/A)", "shared.bearer", "PyJWKClient"
BARE_QUERY, OURS_QUERY = "bare, a query", "shared.bearer, a query"
Work: TypeAlias = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True)
class Program:
    """One way to protect the endpoint, and the least CPU nanoseconds of each slice of its requests."""

    name: str
    app: FastAPI
    least: dict[int, int]


async def nothing() -> bytes:
    """Return a body that costs nothing to find."""
    return _BODY


def bare(work: Work = nothing) -> FastAPI:
    """Return the endpoint without authentication, in a router beside the API's metadata as all of them have it."""
    app, router = _app()

    @router.get("/hello")
    async def hello() -> Response:
        return Response(await work(), media_type="application/json")

    app.include_router(router)
    return app


def _app(route_class: type[APIRoute] = APIRoute) -> tuple[FastAPI, APIRouter]:
    app = FastAPI(openapi_url=None)
    if route_class is APIRoute:  # `install_bearer` brings it to the other
        settings = BearerSettings(issuer="http://localhost:9000", audience=AUDIENCE)
        app.include_router(metadata_router(ProtectedApi.from_settings("bench", settings, ())))
    return app, APIRouter(route_class=route_class)


def ours(api: ProtectedApi, work: Work = nothing) -> FastAPI:
    """Return the endpoint with `shared.bearer`: signature, claims, revocation and scope."""
    app, router = _app(ProtectedRoute)
    install_bearer(app, api)

    @router.get("/hello")
    async def hello(caller: Annotated[Principal, Depends(require_scope("crm:read"))]) -> Response:
        del caller
        return Response(await work(), media_type="application/json")

    app.include_router(router)
    return app


def pyjwkclient(issuer: str, keys_url: str) -> FastAPI:
    """Return the endpoint with PyJWT's key client: signature and claims, as its documentation shows."""
    (app, router), keys = _app(), jwt.PyJWKClient(keys_url)

    async def claims(request: Request) -> Any:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        signing_key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, signing_key.key, algorithms=["RS256"], audience=AUDIENCE, issuer=issuer)

    @router.get("/hello")
    async def hello(caller: Annotated[Any, Depends(claims)]) -> Response:
        del caller
        return Response(_BODY, media_type="application/json")

    app.include_router(router)
    return app


async def ask(program: Program, tokens: Sequence[str]) -> None:
    """Ask once with each token, and keep the least CPU time of each slice: what else the machine did is not ours.

    Raises:
        RuntimeError: an answer was not 200, so that its cost says nothing.
    """
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    scopes = [
        {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": "/hello",
            "raw_path": b"/hello",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "server": ("localhost", 9001),
            "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"localhost:9001"), (b"authorization", b"Bearer " + token.encode())],
        }
        for token in tokens
    ]
    for start in range(0, len(scopes), SLICE):
        started = time.process_time_ns()
        for scope in scopes[start : start + SLICE]:
            await program.app(scope, receive, send)
        spent = time.process_time_ns() - started
        if status != 200:
            raise RuntimeError(f"status {status}")
        program.least[start] = min(program.least.get(start, spent), spent)


async def measure(issuer: FakeIssuer, url: str, database: Database) -> list[Program]:
    """Run all programs in alternating rounds; the first round warms up and does not count."""
    keys_url = f"{url}/.well-known/jwks.json"
    settings = BearerSettings(issuer=issuer.url, audience=AUDIENCE, jwks_url=keys_url, status_base_url=url)
    api = ProtectedApi.from_settings("bench", settings, ("crm:read",))

    def query() -> bytes:
        with database.autocommit() as db:
            return str(db.execute(text("SELECT body FROM notes WHERE id = 7")).scalar_one()).encode()

    async def from_the_database() -> bytes:
        return await run_in_threadpool(query)

    makers: dict[str, Callable[[], FastAPI]] = {
        BARE: bare,
        AGAIN: bare,
        OURS: lambda: ours(api),
        BARE_QUERY: lambda: bare(from_the_database),
        OURS_QUERY: lambda: ours(api, from_the_database),
        PEER: lambda: pyjwkclient(issuer.url, keys_url),
    }
    programs = [Program(name, make(), {}) for name, make in makers.items()]
    tokens = [issuer.access_token() for _ in range(TOKENS)]
    async with api.running():
        for number in range(ROUNDS + 1):
            for program in programs:
                if number == 1:
                    program.least.clear()
                await ask(program, tokens)
    return programs


def main() -> None:
    """Print a line a program, then R1, R2 and R3."""
    issuer = FakeIssuer(audience=[AUDIENCE])
    with TemporaryDirectory() as directory, issuer.serve() as url:
        database = Database(f"sqlite:///{directory}/bench.db")
        with database.autocommit() as db:
            db.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)"))
            db.execute(text("INSERT INTO notes VALUES (7, :body)"), {"body": _BODY.decode()})
        programs = asyncio.run(measure(issuer, url, database))
        database.dispose()
    cost = {program.name: sum(program.least.values()) / TOKENS / 1000 for program in programs}
    print(f"CPU microseconds per request: the least of {ROUNDS} rounds of {TOKENS} tokens, {SLICE} at a time\n")
    for program in programs:
        print(f"  {program.name:<24} {cost[program.name]:8.1f}")
    print(f"\n  A/A control              {cost[BARE] / cost[AGAIN]:8.2f}")
    print(f"  R1 added, cached         {cost[OURS] - cost[BARE]:8.1f}   goal: at most 20, better 6")
    print(f"  R2 against bare          {cost[BARE] / cost[OURS]:8.2f}   goal: at least 0.85")
    print(f"  R2 with a query          {cost[BARE_QUERY] / cost[OURS_QUERY]:8.2f}   goal: at least 0.95")
    print(f"  R3 against PyJWKClient   {cost[PEER] / cost[OURS]:8.2f}   goal: at least 2")


if __name__ == "__main__":
    main()
