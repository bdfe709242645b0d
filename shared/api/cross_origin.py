"""Pages of other origins: the company's own front ends may call, and anybody's may read what is public.

Spec: Fetch (CORS protocol); Policy: ADR-0052
"""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
#: What a front end of ours sends, and what the tracing of every other one adds to it.
_SENT = (
    "Authorization",
    "Content-Type",
    "DPoP",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Request-Id",
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
)
_READ = (
    "Allow",
    "Content-Disposition",
    "DPoP-Nonce",
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)
_MAX_AGE = 600
_ALLOW_ORIGIN = b"access-control-allow-origin"


class CrossOrigin:
    """Wraps an application. `origins` may call it from their pages, with a token in a header and never with cookies."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._calls = app
        if origins:
            self._calls = CORSMiddleware(
                app,
                allow_origins=origins,
                allow_methods=_METHODS,
                allow_headers=_SENT,
                expose_headers=_READ,
                max_age=_MAX_AGE,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_public(scope["path"]):
            await self._calls(scope, receive, send)
            return

        async def to_all(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [(name, value) for name, value in message["headers"] if name != _ALLOW_ORIGIN]
                message["headers"] = [*others, (_ALLOW_ORIGIN, b"*")]
            await send(message)

        await self._app(scope, receive, to_all)


def _is_public(path: str) -> bool:
    return path == "/openapi.json" or path.startswith("/.well-known/oauth-protected-resource")
