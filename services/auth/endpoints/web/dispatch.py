"""From an address to its endpoint: one look-up, no framework between.

Policy: ADR-0060; Spec: RFC 9110 s15.5.6 (405)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from services.auth.audit import begin_occurrences
from services.auth.endpoints.web.context import AuthContext, attach
from services.auth.endpoints.web.cors import Cors
from services.auth.endpoints.web.endpoint import Endpoint, Kind
from services.auth.endpoints.web.errors import error_response, is_foreseen
from services.auth.endpoints.web.reader import meet
from services.auth.endpoints.web.settle import settle
from services.auth.endpoints.web.threads import begin_in_thread
from services.auth.metrics import took


class Dispatch:
    """The ASGI application: `endpoints` are answered here, every other address by what `elsewhere` makes.

    That is made in a thread while the first requests are answered: its imports are a quarter of all. A request for
    it that comes earlier waits.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        context: AuthContext,
        lifespan: Lifespan[Any],
        elsewhere: Callable[[], ASGIApp],
    ) -> None:
        self.context = context
        self._make_elsewhere = elsewhere
        self._elsewhere: Future[ASGIApp] | None = None
        self._lifespan = Router(lifespan=self._life(lifespan))
        self._cors = Cors(context)
        self._exact = {endpoint.path: endpoint for endpoint in endpoints if "{" not in endpoint.path}
        self._below = {_parent(endpoint.path): endpoint for endpoint in endpoints if "{" in endpoint.path}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        path = scope["path"]
        endpoint = self._exact.get(path) or self._below.get(_parent(path))
        if endpoint is None:
            meet(scope, self.context.appearance)
            app = await asyncio.wrap_future(self._begin_elsewhere())
            await app(scope, receive, send)
            return
        attach(scope, self.context, endpoint)
        noted, started = begin_occurrences(), time.perf_counter()
        http = Request(scope, receive)
        response = await self._before(endpoint, http)
        unforeseen: Exception | None = None
        if response is None:
            try:
                handler = endpoint.handlers.get(scope["method"])
                if handler is None:
                    raise HTTPException(405, headers={"Allow": endpoint.methods})  # noqa: TRY301 - answered like others
                response = await handler(http)
            except ClientDisconnect:  # nobody is left to answer
                raise
            except Exception as error:  # noqa: BLE001 - each is answered in the endpoint's format
                response = error_response(endpoint.kind, error)
                unforeseen = None if is_foreseen(error) else error
        if endpoint.cors:
            await self._cors.allow(endpoint, http, response)
        took(endpoint.path, time.perf_counter() - started)
        try:
            await response(scope, receive, send)
        finally:  # after the answer, whose time must not tell whether there was a row to write
            if noted or response.status_code >= 400:
                await settle(http, response, noted)
        if unforeseen is not None:  # `shared.asgi.Edge` records it
            raise unforeseen

    async def _before(self, endpoint: Endpoint, http: Request) -> Response | None:
        """Return the answer to what is asked of every endpoint of a kind: a preflight, another language."""
        reader = meet(http.scope, self.context.appearance) if endpoint.kind is Kind.PAGE else None
        if http.method == "OPTIONS":
            return await self._cors.preflight(endpoint, http)
        return None if reader is None else reader.choice(secure=self.context.settings.secure)

    def _life(self, lifespan: Lifespan[Any]) -> Lifespan[Any]:
        @asynccontextmanager
        async def life(app: object) -> AsyncIterator[None]:
            async with lifespan(app):
                self._begin_elsewhere()
                yield

        return life

    def _begin_elsewhere(self) -> Future[ASGIApp]:
        if self._elsewhere is None:
            self._elsewhere = begin_in_thread(self._make_elsewhere)
        return self._elsewhere


def _parent(path: str) -> str:
    return path[: path.rfind("/")]
