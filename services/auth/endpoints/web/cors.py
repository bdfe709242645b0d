"""CORS: scripts of registered browser clients may read the JSON answers; anybody's may read the public documents.

Spec: Fetch s3.2 (CORS protocol), RFC 9700 s2.6 (never at the authorization endpoint), OpenID Connect Core s5.3
Policy: ADR-0052
An origin counts when it is exactly one that a client's metadata names. Credentials are never allowed: no answer here
depends on a cookie. Errors carry the headers too, else a script could not tell a 429 from an outage. Which addresses
are readable, and by which methods, is part of their declaration (`endpoint`).
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.web.context import AuthContext
from services.auth.endpoints.web.endpoint import Endpoint, Kind
from services.auth.endpoints.web.threads import in_thread
from shared.errors import Unavailable

#: What a front end sends, and what the tracing of many adds to it.
_REQUEST_HEADERS = (
    "Authorization, Content-Type, DPoP, If-None-Match, X-Request-Id, traceparent, tracestate, baggage, sentry-trace"
)
_RESPONSE_HEADERS = "DPoP-Nonce, ETag, Retry-After, WWW-Authenticate, X-Request-Id"
#: Of a public document, which is the same for all: any page may read it.
EVERYBODY = "*"
#: Seconds for which a browser may remember a preflight.
_PREFLIGHT_MAX_AGE = "600"


class Cors:
    """What scripts of which origins may read."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    async def preflight(self, endpoint: Endpoint, http: Request) -> Response | None:
        """Answer a preflight of an origin that may read the endpoint; None: it is not one."""
        if not endpoint.cors or "access-control-request-method" not in http.headers:
            return None
        if await self._reader(endpoint, http) is None:
            return None
        headers = {
            "Access-Control-Allow-Methods": endpoint.methods,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": _PREFLIGHT_MAX_AGE,
        }
        return Response(status_code=204, headers=headers)

    async def allow(self, endpoint: Endpoint, http: Request, response: Response) -> None:
        """Let who may read the endpoint read `response`."""
        reader = await self._reader(endpoint, http)
        if reader != EVERYBODY:
            response.headers.add_vary_header("Origin")
        if reader is not None:
            response.headers["Access-Control-Allow-Origin"] = reader
            response.headers["Access-Control-Expose-Headers"] = _RESPONSE_HEADERS

    async def _reader(self, endpoint: Endpoint, http: Request) -> str | None:
        """Return the origin that may read: a registered one, everybody's if it is public; None: nobody's."""
        if endpoint.kind is Kind.DOCUMENT:
            return EVERYBODY
        given = http.headers.getlist("origin")
        return given[0] if len(given) == 1 and await self._registered(given[0]) else None

    async def _registered(self, origin: str) -> bool:
        registrations, now = self._context.registrations, self._context.clock.now()
        clients = registrations.held_clients(now)
        if clients is None:
            try:
                clients = await in_thread(registrations.clients, now)
            except Unavailable:  # nobody can say whose origin it is
                return False
        return origin in clients.browser_origins
