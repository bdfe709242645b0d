"""CORS: scripts of registered browser clients may read the JSON answers, and nobody else's may.

Spec: Fetch s3.2 (CORS protocol), RFC 9700 s2.6 (never at the authorization endpoint), OpenID Connect Core s5.3
An origin counts when it is exactly one that a client's metadata names. Credentials are never allowed: no answer here
depends on a cookie. Errors carry the headers too, else a script could not tell a 429 from an outage.
"""

import re

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.auth.endpoints.web.context import AuthContext
from shared.errors import Unavailable

#: The addresses that scripts may read, and by which methods; no page, and neither /authorize, /par nor /introspect.
_READABLE = (
    (re.compile(r"/\.well-known/(openid-configuration|oauth-authorization-server|jwks\.json)"), "GET, HEAD"),
    (re.compile(r"/status/[0-9]+"), "GET, HEAD"),
    (re.compile(r"/(token|revoke)"), "POST"),
    (re.compile(r"/userinfo"), "GET, POST"),
)
_REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match"
_RESPONSE_HEADERS = "ETag, Retry-After, WWW-Authenticate"
#: Seconds for which a browser may remember a preflight.
_PREFLIGHT_MAX_AGE = "600"


class Cors:
    """Wraps the application; only the addresses above are touched."""

    def __init__(self, app: ASGIApp, *, context: AuthContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = _methods_of(scope["path"]) if scope["type"] == "http" else None
        if methods is None:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.getlist("origin")
        origin = given[0] if len(given) == 1 and await self._registered(given[0]) else None

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.add_vary_header("Origin")
                if origin is not None:
                    answer["Access-Control-Allow-Origin"] = origin
                    answer["Access-Control-Expose-Headers"] = _RESPONSE_HEADERS
            await send(message)

        if origin is not None and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(methods)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    async def _registered(self, origin: str) -> bool:
        registrations, now = self._context.registrations, self._context.clock.now()
        clients = registrations.held_clients(now)
        if clients is None:
            try:
                clients = await run_in_threadpool(registrations.clients, now)
            except Unavailable:  # nobody can say whose origin it is
                return False
        return origin in clients.browser_origins


def _methods_of(path: str) -> str | None:
    return next((methods for readable, methods in _READABLE if readable.fullmatch(path)), None)


def _preflight(methods: str) -> Response:
    headers = {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": _REQUEST_HEADERS,
        "Access-Control-Max-Age": _PREFLIGHT_MAX_AGE,
    }
    return Response(status_code=204, headers=headers)
