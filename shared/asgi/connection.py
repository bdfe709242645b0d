"""One connection of the server: how long it may take to send a request and to read an answer, and how many there are.

Spec: RFC 9110 s15.5.9 (408), RFC 9112 s9.5, RFC 6585 s5 (431)
Policy: ADR-0057
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from shared.limits import MOST_ESCAPES, MOST_PARAMETERS

#: A body is in time while this many bytes of it come within the body deadline.
STRIDE = 65_536

CLOSED = Counter("connections_closed_total", "Connections that the server closed before their time", ["reason"])
for _reason in ("header", "body", "answer", "full", "long"):
    CLOSED.labels(_reason)

#: Bytes of a request's header, its address included: everything that reads one is linear, and this is the most of it.
#: The proxy takes as much (config/Caddyfile).
LONGEST_HEADER = 32_768
#: Fields of a header: the APIs of the framework look through all of them at each look-up of one.
MOST_FIELDS = 100
#: Bytes of an address before its query. Ours are a tenth of it; it is unescaped before anything is known of the caller.
LONGEST_PATH = 2_048
#: Cookies of a header. A browser keeps some 180 for a site.
MOST_COOKIES = 200

_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 18\r\n"
    b"connection: close\r\n\r\nThis was too slow."
)
_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 23\r\n"
    b"connection: close\r\n\r\nThe header is too long."
)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n"
    b"retry-after: 1\r\nconnection: close\r\n\r\nToo many connections."
)


@dataclass(frozen=True)
class ConnectionLimits:
    """`header`: from the first byte, or from the connection, to the end of a header. `body`: for a body, or its next
    64 KiB, and for a caller to read as much of an answer. `keep_alive`: between two requests.

    `connections`: of one process; a further one takes the place of the one that has sent nothing for the longest.
    """

    header: timedelta = timedelta(seconds=10)
    body: timedelta = timedelta(seconds=30)
    keep_alive: timedelta = timedelta(seconds=75)
    connections: int = 1000


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with a deadline for whatever the other side has to do.

    A deadline is a moment that `close_if_late` compares, called for all connections twice a second: a timer for each
    request would cost more than the comparison.
    """

    def __init__(self, limits: ConnectionLimits, server_state: ServerState, **options: Any) -> None:
        super().__init__(server_state=server_state, **options)
        self._limits = limits
        self._others = server_state.connections
        self._reading = ""  # what the other side is to send: a "header", a "body", or nothing
        self._deadline: float | None = None
        self._write_deadline: float | None = None
        self._read_bytes = 0
        self._header_bytes = 0
        self._too_long = False
        self._heard = False
        self._quiet_since = self.loop.time()

    @property
    def waits(self) -> bool:
        """Whether no request of it is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: Any) -> None:
        """Begin the header's deadline; at the cap, make room or refuse."""
        super().connection_made(transport)
        self._expect("header", self._limits.header)
        if len(self._others) > self._limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Read on; the first byte of a further request begins its header's deadline."""
        self._heard, self._quiet_since = True, self.loop.time()
        if not self._reading:
            self._expect("header", self._limits.header)
        super().data_received(data)
        if self._reading == "header":
            self._header_bytes += len(data)
            if self._header_bytes > LONGEST_HEADER and not self.transport.is_closing():
                self._refuse_header()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field of the header.

        Raises:
            ValueError: there are too many.
        """
        super().on_header(name, value)
        if len(self.headers) > MOST_FIELDS:
            self._refuse_unread()

    def on_headers_complete(self) -> None:
        """Begin the body's deadline; a request without a body ends in the same call of the parser.

        Raises:
            ValueError: the header is too long; nothing of the request is looked at.
        """
        if self._costs_too_much():
            self._refuse_unread()
        self._read_bytes = self._header_bytes = 0
        self._expect("body", self._limits.body)
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser, or `on_headers_complete`, has refused, and close."""
        if self._too_long:
            self._refuse_header()
        else:
            super().send_400_response(msg)

    def on_body(self, body: bytes) -> None:
        """Give the next part of a long body as much time as the first had."""
        self._read_bytes += len(body)
        if self._read_bytes >= STRIDE:
            self._read_bytes = 0
            self._expect("body", self._limits.body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing more until the next request."""
        self._reading, self._deadline = "", None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Begin the deadline of a caller that does not read its answer."""
        self._write_deadline = self.loop.time() + self._limits.body.total_seconds()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It has read."""
        self._write_deadline = None
        super().resume_writing()

    def close_if_late(self, now: float) -> None:
        """Close this connection if the other side has missed a deadline; `now` in seconds of the event loop."""
        if self.transport.is_closing():
            # asyncio waits for the last bytes of an answer to be taken, without an end
            self._write_deadline = self._write_deadline or now + self._limits.body.total_seconds()
        if self._write_deadline is not None and now > self._write_deadline:
            CLOSED.labels("answer").inc()
            self.transport.abort()
        elif self._deadline is not None and now > self._deadline and not self.transport.is_closing():
            if self.flow.read_paused or (self._reading == "header" and not self.waits):
                # what it has sent is not read yet, or its first request not answered: the delay is ours
                self._deadline = now + self._limits.body.total_seconds()
                return
            CLOSED.labels(self._reading).inc()
            self._end(_LATE)

    def _costs_too_much(self) -> bool:
        size = len(self.url)
        for name, value in self.headers:
            size += len(name) + len(value)
            if name == b"cookie" and value.count(b";") > MOST_COOKIES:
                return True
        path, _, query = self.url.partition(b"?")
        return (
            size > LONGEST_HEADER
            or len(path) > LONGEST_PATH
            or self.url.count(b"%") > MOST_ESCAPES
            or query.count(b"&") >= MOST_PARAMETERS
        )

    def _refuse_unread(self) -> NoReturn:
        self._too_long = True
        raise ValueError("the header is too long")

    def _refuse_header(self) -> None:
        CLOSED.labels("long").inc()
        self.transport.write(_LONG)
        self.transport.close()

    def _expect(self, what: str, within: timedelta) -> None:
        self._reading, self._deadline = what, self.loop.time() + within.total_seconds()

    def _make_room(self) -> None:
        CLOSED.labels("full").inc()
        idle = [other for other in self._others if isinstance(other, Connection) and other.waits and other is not self]
        if idle:
            oldest = min(idle, key=lambda other: other._quiet_since)  # noqa: SLF001 - of this very class
            self._others.discard(oldest)
            oldest.transport.abort()
        else:
            self._others.discard(self)
            self.transport.write(_FULL)
            self.transport.close()

    def _end(self, answer: bytes) -> None:
        """Close, with an answer to what was begun; a connection that never said anything gets none."""
        if self._heard and (self._reading == "header" or not self.cycle.response_started):
            self.transport.write(answer)
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.close()
