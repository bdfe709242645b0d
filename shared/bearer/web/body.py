"""The body of a protected request: of the right media type, in time, and from a caller who may still send it.

Spec: RFC 9110 s8.3, s15.5.16 (415), s15.5.9 (408)
Policy: ADR-0040. A token is asked for before the body is read, and again with its last byte: who signs out meanwhile
is refused, and no route acts on word of revocations from before the body.
"""

import asyncio
import re
from datetime import timedelta
from typing import Any

from fastapi import Request, params
from starlette.types import Message

from shared.bearer.web.requirements import Requirements, authorize

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json", re.ASCII)
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class BodyTooSlow(Exception):
    """The body did not arrive before its deadline."""


class WatchedBody:
    """The messages of one request's body. `refusal`: what it raised, whatever the reader has made of it."""

    def __init__(self, requirements: Requirements, request: Request, deadline: timedelta) -> None:
        self._requirements = requirements
        self._request = request
        self._receive = request.receive
        self._deadline = deadline
        self._ends_at: float | None = None
        self._is_in = False
        self.refusal: Exception | None = None

    async def receive(self) -> Message:
        """Return the next message; the last of the body only if all that the route requires is still met.

        Raises:
            BodyTooSlow: the deadline is past.
            BearerRefusal, Unavailable: as `authorize`.
        """
        if self._is_in:  # what follows is the word that the caller has gone, whenever that is
            return await self._receive()
        loop = asyncio.get_running_loop()
        if self._ends_at is None:
            self._ends_at = loop.time() + self._deadline.total_seconds()
        try:
            try:
                async with asyncio.timeout_at(self._ends_at):
                    message = await self._receive()
            except TimeoutError as error:
                raise BodyTooSlow from error
            if message["type"] == "http.request" and not message.get("more_body", False):
                self._is_in = True
                await authorize(self._requirements, self._request, anew=True)
        except Exception as error:
            self.refusal = error
            raise
        return message


def accepts(body_field: Any, request: Request) -> str | None:
    """Return None if a route with that body takes the request's; else the media type that it wants."""
    info = body_field.field_info
    sent = request.headers.get("Content-Type", "").partition(";")[0].strip(" \t").lower()
    if not sent and not info.is_required() and _is_empty(request):
        return None
    if isinstance(info, params.Form):
        wanted: tuple[str, ...] = _FORMS[:1] if isinstance(info, params.File) else _FORMS
        return None if sent in wanted else " or ".join(wanted)
    own = getattr(info, "media_type", "application/json")
    if own == "application/json":
        return None if _JSON.fullmatch(sent) else own
    return None if sent == own else own


def _is_empty(request: Request) -> bool:
    return request.headers.get("Content-Length", "0") == "0" and "Transfer-Encoding" not in request.headers
