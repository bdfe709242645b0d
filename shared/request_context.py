"""What is known of the request that this task answers: its id, and what its log lines say of it.

Spec: contract, "Errors": every answer carries X-Request-Id, which is in every log line and audit row of the request
In: `X-Request-Id`, 1 to 64 of `A-Z a-z 0-9 . _ -`; anything else is replaced by an id of ours. Out: the same header.
"""

import re
import secrets
from contextvars import ContextVar
from typing import Any

from starlette.types import Message, Scope, Send

_HEADER = b"x-request-id"
#: No answer of ours is to be taken for what its content type does not say; also one that shows what somebody sent.
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_FITS = re.compile(rb"[A-Za-z0-9._-]{1,64}")

#: The members that every log line of the running request has; None outside a request.
_fields: ContextVar[dict[str, Any] | None] = ContextVar("request_fields", default=None)
#: The headers that the running request's answer gets, whatever it is; None outside a request.
_headers: ContextVar[list[tuple[bytes, bytes]] | None] = ContextVar("answer_headers", default=None)


def begin_request(scope: Scope, send: Send) -> Send:
    """Begin the request of `scope` in this task, and return the `send` that adds its id to the answer."""
    sent = [value for name, value in scope["headers"] if name == _HEADER]
    fits = len(sent) == 1 and _FITS.fullmatch(sent[0]) is not None
    identifier = sent[0] if fits else secrets.token_hex(16).encode()
    peer = scope.get("client")
    _fields.set({"request_id": identifier.decode(), "network": peer[0] if peer else None})
    headers = [(_HEADER, identifier)]
    _headers.set(headers)

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            made = message.get("headers", ())
            message["headers"] = [*made, *headers] if _NOSNIFF in made else [*made, _NOSNIFF, *headers]
        await send(message)

    return answer


def request_id() -> str | None:
    """Return the id of the running request, None outside one."""
    return log_fields().get("request_id")


def note(**fields: Any) -> None:
    """Add members to every later log line of the running request, its last one included. Outside one: nothing."""
    if (known := _fields.get()) is not None:
        known.update(fields)


def answer_with(name: str, value: str) -> None:
    """Add a header to the running request's answer, also if that is an error. Outside one: nothing."""
    if (headers := _headers.get()) is not None:
        headers.append((name.lower().encode(), value.encode()))


def log_fields() -> dict[str, Any]:
    """Return the members that each log line of the running request has."""
    return dict(_fields.get() or {})
