"""HEAD wherever GET is: the answer of the same GET without its body.

Spec: RFC 9110 s9.3.2
"""

import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _Told(Exception):
    """Ends an answer whose body comes in pieces."""


class HeadAsGet:
    """Wraps an application: its routes see GET, and who asked for the head alone gets no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def head(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            if message.get("more_body"):  # an export: nothing more is read for it
                raise _Told

        with contextlib.suppress(_Told):
            await self._app({**scope, "method": "GET"}, receive, head)
