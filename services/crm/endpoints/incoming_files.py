"""Files on their way in: a few at a time, one of each sender, and never more bytes than the process has room for.

Policy: ADR-0047; the figures are in `shared.limits`
"""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from starlette.exceptions import HTTPException

from shared.asgi import allow_body
from shared.errors import Unavailable
from shared.limits import FILE_ARRIVAL, FILE_TURN, FILES_AT_ONCE, FILES_IN_FLIGHT, LARGEST_FILE
from shared.problem_codes import ProblemCode

_RETRY = timedelta(seconds=10)


@dataclass(frozen=True)
class IncomingFile:
    """A file that has arrived, and the SHA-256 of it."""

    content: io.BytesIO
    digest: str


class IncomingFiles:
    """Receives the files of one process, and lets one of them be worked on at a time."""

    def __init__(self) -> None:
        self._senders: set[str] = set()
        self._held = 0
        self._at_work = asyncio.Lock()

    @asynccontextmanager
    async def file(self, request: Request, sender: str) -> AsyncIterator[IncomingFile]:
        """Yield the request's body, up to LARGEST_FILE.

        Raises:
            Unavailable: too many files are on their way, or another one of this sender, or they are too large together.
            HTTPException: 408, it does not arrive.
        """
        if len(self._senders) >= FILES_AT_ONCE or sender in self._senders:
            raise _too_many()
        allow_body(request.scope, LARGEST_FILE)
        self._senders.add(sender)
        content = io.BytesIO()
        try:
            yield IncomingFile(content, await self._received(request, content))
        finally:
            self._held -= len(content.getbuffer())
            self._senders.remove(sender)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until no other file is worked on.

        Raises:
            Unavailable: that takes too long.
        """
        try:
            async with asyncio.timeout(FILE_TURN.total_seconds()):
                await self._at_work.acquire()
        except TimeoutError as error:
            raise _too_many() from error
        try:
            yield
        finally:
            self._at_work.release()

    async def _received(self, request: Request, content: io.BytesIO) -> str:
        digest = hashlib.sha256()
        try:
            async with asyncio.timeout(FILE_ARRIVAL.total_seconds()):
                async for chunk in request.stream():
                    if self._held + len(chunk) > FILES_IN_FLIGHT:
                        raise _too_many()
                    self._held += len(chunk)
                    content.write(chunk)
                    digest.update(chunk)
        except TimeoutError as error:
            raise HTTPException(408, "The file took too long to arrive.", {"Connection": "close"}) from error
        return digest.hexdigest()


def _too_many() -> Unavailable:
    return Unavailable("Too many imports at once.", _RETRY, ProblemCode.TOO_MANY_IMPORTS)
