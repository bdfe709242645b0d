"""What verifying tokens costs an endpoint: `make bench-bearer` prints CPU time per request, in this process.

Each program is the same FastAPI endpoint, asked 2,000 rotating tokens through ASGI, without a socket: bare (twice: the
A/A control shows how far figures of this machine can be believed), with `shared.bearer`, and with PyJWKClient used as
its documentation shows. Rounds alternate, and the median round counts. Prints figures and asserts nothing.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import jwt
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from shared.bearer import BearerSettings, Principal, ProtectedApi, ProtectedRoute, install_bearer, require_scope
from shared.bearer.metadata import metadata_router
from shared.testing import FakeIssuer

TOKENS, ROUNDS = 2_000, 7
AUDIENCE = "http://localhost:9001"
_BODY = b'{"hello":"world"}'


@dataclass(frozen=True)
class Program:
    """One way to protect the endpoint, and its CPU microseconds per request, a figure a round."""

    name: str
    app: FastAPI
    figures: list[float]


def bare() -> FastAPI:
    """Return the endpoint without authentication, in a router beside the API's metadata as all of them have it."""
    app, router = _app()

    @router.get("/hello")
    async def hello() -> Response:
        return Response(_BODY, media_type="application/json")

    app.include_router(router)
    return app


def _app(route_class: type[APIRoute] = APIRoute) -> tuple[FastAPI, APIRouter]:
    app = FastAPI(openapi_url=None)
    if route_class is APIRoute:  # `install_bearer` brings it to the other
        app.include_router(metadata_router(resource=AUDIENCE, name="bench", issuer="x", scopes=()))
    return app, APIRouter(route_class=route_class)


def ours(api: ProtectedApi) -> FastAPI:
    """Return the endpoint with `shared.bearer`: signature, claims, revocation and scope."""
    app, router = _app(ProtectedRoute)
    install_bearer(app, api)

    @router.get("/hello")
    async def hello(caller: Annotated[Principal, Depends(require_scope("crm:read"))]) -> Response:
        del caller
        return Response(_BODY, media_type="application/json")

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


async def ask(app: FastAPI, tokens: Sequence[str]) -> float:
    """Ask once with each token and return the CPU microseconds per request.

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
    started = time.process_time()
    for scope in scopes:
        await app(scope, receive, send)
        if status != 200:
            raise RuntimeError(f"status {status}")
    return (time.process_time() - started) / len(tokens) * 1e6


async def measure(issuer: FakeIssuer, url: str) -> list[Program]:
    """Run all programs in alternating rounds; the first round warms up and does not count."""
    keys_url = f"{url}/.well-known/jwks.json"
    settings = BearerSettings(issuer=issuer.url, audience=AUDIENCE, jwks_url=keys_url, status_base_url=url)
    api = ProtectedApi.from_settings("bench", settings, ("crm:read",))
    makers: dict[str, Callable[[], FastAPI]] = {
        "bare": bare,
        "bare, again (A/A)": bare,
        "shared.bearer": lambda: ours(api),
        "PyJWKClient": lambda: pyjwkclient(issuer.url, keys_url),
    }
    programs = [Program(name, make(), []) for name, make in makers.items()]
    tokens = [issuer.access_token() for _ in range(TOKENS)]
    async with api.running():
        for number in range(ROUNDS + 1):
            for program in programs:
                figure = await ask(program.app, tokens)
                if number:
                    program.figures.append(figure)
    return programs


def main() -> None:
    """Print a line a program, then R1, R2 and R3."""
    issuer = FakeIssuer(audience=[AUDIENCE])
    with issuer.serve() as url:
        programs = asyncio.run(measure(issuer, url))
    cost = {program.name: statistics.median(program.figures) for program in programs}
    control, peer = cost["bare, again (A/A)"], cost["PyJWKClient"]
    print(f"CPU microseconds per request, median of {ROUNDS} rounds of {TOKENS} tokens\n")
    for program in programs:
        print(f"  {program.name:<20} {cost[program.name]:8.1f}   (least {min(program.figures):.1f})")
    print(f"\n  A/A control          {cost['bare'] / control:8.2f}")
    print(f"  R1 added, cached     {cost['shared.bearer'] - cost['bare']:8.1f}   goal: at most 20, better 6")
    print(f"  R2 against bare      {cost['bare'] / cost['shared.bearer']:8.2f}   goal: at least 0.85")
    print(f"  R3 against PyJWK     {peer / cost['shared.bearer']:8.2f}   goal: at least 2")


if __name__ == "__main__":
    main()
