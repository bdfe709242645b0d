"""The ASGI edge that every service shares: body limit, request log, last-resort 500, and the server itself.

Spec: RFC 9110 s15.5.14 (413)
"""

import asyncio
import contextlib
import logging
import socket
import time
from pathlib import Path
from typing import Any

import uvicorn
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import ConfigurationError
from shared.problem_details import problem
from shared.request_context import begin_request

#: Seconds in which a connection that was accepted before the end may still send its request.
_LAST_WORD = 0.25
#: Bytes that a body may hold. No form or record of ours is longer, and a list holds up to 200 records at once.
BODY_LIMIT = 65_536

# Where a request keeps the bytes that its own body may hold: in its ASGI scope.
_BODY_LIMIT = "shared.asgi.body_limit"

_log = logging.getLogger("request")
_errors = logging.getLogger("error")


class BodyTooLarge(HTTPException):
    """The request's body is over the limit. Raised where the body is read, answered by the service's own handler."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body may hold {limit} bytes.", headers={"Connection": "close"})


def allow_body(scope: Scope, limit: int) -> None:
    """Let this one request's body hold `limit` bytes: for a route that takes files, once it knows its caller.

    Raises:
        BodyTooLarge: the request says that it is larger.
    """
    scope.setdefault(_BODY_LIMIT, [limit])[0] = limit
    announced = dict(scope["headers"]).get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLarge(limit)


class Edge:
    """Wraps a whole service: gives every request an id, caps every body, logs every answer, and turns an unforeseen
    error into a bare 500.

    Does not authenticate, adds no header but X-Request-Id.
    """

    def __init__(self, app: ASGIApp, *, body_limit: int = BODY_LIMIT) -> None:
        self._app = app
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = begin_request(scope, send)
        started = time.perf_counter()
        status = 0

        async def record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, self._limited(scope, receive), record)
        except ClientDisconnect:
            pass  # the caller hung up while sending: nobody is left to answer, and nothing is wrong here
        except Exception:  # noqa: BLE001 - the last resort: nothing foreseen reaches it
            _errors.exception("unhandled error on %s %s", scope["method"], scope["path"])
            if not status:
                await problem(500, "The error was recorded.")(scope, receive, record)
        finally:
            if scope["path"] not in {"/livez", "/readyz", "/metrics"}:
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                fields = {"method": scope["method"], "path": scope["path"], "status": status, "ms": milliseconds}
                _log.info("%s %s %s", scope["method"], scope["path"], status, extra={"fields": fields})

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        seen = 0
        allowed = scope[_BODY_LIMIT] = [self._body_limit]  # a list: whoever copies the scope still has this one

        async def read() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > allowed[0]:
                    raise BodyTooLarge(allowed[0])
            return message

        return read


def serve(app: ASGIApp, *, host: str, port: int, certificate: Path | None = None, key: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished.

    Raises:
        ConfigurationError: the address cannot be bound (it names the port).
    """
    listener = _bind(host, port)
    options: dict[str, Any] = {}
    if certificate is not None and key is not None:
        options = {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}
    config = uvicorn.Config(
        app,
        log_config=None,  # ours is in place
        access_log=False,  # `Edge` logs without the query
        server_header=False,
        proxy_headers=False,  # nothing here believes a forwarding header
        timeout_graceful_shutdown=20,
        **options,
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn passes Ctrl-C on once it has finished
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn, but a connection that was accepted before the end may still say what it came for.

    uvicorn closes connections that it has not read from yet; behind a proxy each of them is a request.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, hear out who is there, then finish."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await asyncio.sleep(_LAST_WORD)
        await super().shutdown(sockets)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"port {port} on {host} cannot be used: {error.strerror}") from error
    listener.set_inheritable(True)
    return listener
