"""Bearer tokens at the edge of an application: its verifier, its refusals, and what it says of both.

Spec: RFC 6750 s3, RFC 9110 s11.6.2
In: the `Authorization` header; a token in the query or in a form is not a credential here.
Out: a Principal, or a refusal of `challenge`.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket

from shared.bearer.challenge import BearerRefusal, refusal_response
from shared.bearer.protected_api import ProtectedApi
from shared.bearer.web.docs_page import describe_sign_in, install_docs
from shared.bearer.web.metadata import metadata_router, metadata_url
from shared.bearer.web.open_routes import look_at_routes
from shared.bearer.web.requirements import requests_by_result
from shared.errors import Unavailable
from shared.problem_details import unavailable_problem
from shared.request_context import note

_log = logging.getLogger(__name__)


def install_bearer(app: FastAPI, api: ProtectedApi, *, docs: bool = False) -> None:
    """Make the requirements work in `app`: the verifier, the challenges, the metadata that they point at, and the
    security schemes of its description. `docs`: serve that description as pages, too.

    When the application starts, its routes are looked at: those that ask for no token are listed in the log.

    Raises, at the start:
        UnprotectedRoute: a route lets everybody in and does not look like it.
    """
    app.state.protected_api = api
    resource_metadata = metadata_url(api.identifier)
    app.include_router(metadata_router(api))

    @app.exception_handler(BearerRefusal)
    async def refuse(connection: HTTPConnection, refusal: BearerRefusal) -> Response:
        requests_by_result.labels(refusal.reason).inc()
        note(reason=refusal.reason)
        response = refusal_response(connection, refusal, realm=api.name, resource_metadata=resource_metadata)
        return await _denied(connection, response)

    async def unavailable(connection: HTTPConnection, error: Exception) -> Response:
        assert isinstance(error, Unavailable)  # noqa: S101 - it is registered for no other
        return await _denied(connection, unavailable_problem(error, connection.url.path))

    app.exception_handlers.setdefault(Unavailable, unavailable)
    _look_at_routes_first(app, api)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        describe_sign_in(document, api)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    if docs:
        install_docs(app, api)


def _look_at_routes_first(app: FastAPI, api: ProtectedApi) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: FastAPI) -> AsyncIterator[Any]:
        open_routes, unnamed = look_at_routes(app, api.scopes)
        _log.info("%s: routes that ask for no access token: %s", api.name, ", ".join(open_routes) or "none")
        if unnamed:
            _log.warning("%s: scopes that routes require and the API does not name: %s", api.name, ", ".join(unnamed))
        async with inner(started) as state:
            yield state

    app.router.lifespan_context = lifespan


async def _denied(connection: HTTPConnection, response: Response) -> Response:
    """Return the response; over a WebSocket, whose handshake is refused, send it."""
    if isinstance(connection, WebSocket):
        if "websocket.http.response" in connection.scope.get("extensions", {}):
            await connection.send_denial_response(response)
        else:
            await connection.close(code=1008)
    return response
