"""What wraps every service: body limit, request log, last-resort 500.

Spec: RFC 9110 s15.5.14 (413)
"""

import logging
import time

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.problem_details import problem
from shared.request_context import begin_request

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

    Does not authenticate, adds no header but X-Request-Id and X-Content-Type-Options.
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
