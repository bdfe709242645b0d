"""How a fake issuer answers over HTTP: its documents, its faults, a transport without sockets, a server with them."""

import asyncio
import hashlib
import http.server
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import httpx2


@dataclass(frozen=True)
class Answer:
    """What goes back: status, body, headers."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def unless_known(self, etag: str | None) -> "Answer":
        """Return 304 in its place to a caller who has it already (RFC 9110 s13.1.2)."""
        own = f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'
        if self.status != 200:
            return self
        headers = {**self.headers, "ETag": own}
        return Answer(304, b"", headers) if etag == own else Answer(200, self.body, headers)


class Answering(Protocol):
    """A fake issuer, as its transports see it."""

    outage: bool
    latency: timedelta

    def answer(self, path: str) -> Answer:
        """Return what stands at `path`, or what a fault puts in its place."""


def transport_of(issuer: Answering) -> httpx2.AsyncBaseTransport:
    """Return a transport by which an API reaches the issuer, whatever the address; no socket."""

    async def answer(request: httpx2.Request) -> httpx2.Response:
        found = issuer.answer(request.url.path).unless_known(request.headers.get("If-None-Match"))
        if issuer.outage:
            raise httpx2.ConnectError("the issuer is away", request=request)
        if issuer.latency:
            await asyncio.sleep(issuer.latency.total_seconds())

        async def body() -> AsyncIterator[bytes]:
            yield found.body

        return httpx2.Response(found.status, content=body(), headers=dict(found.headers))

    return httpx2.MockTransport(answer)


@contextmanager
def served(issuer: Answering, port: int = 0) -> Iterator[str]:
    """Serve the issuer's documents over a real socket on loopback, and yield its address. Port 0: any that is free."""
    ended = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuer.answer(self.path).unless_known(self.headers.get("If-None-Match"))
            ended.wait(issuer.latency.total_seconds())
            self.send_response(503 if issuer.outage else found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *arguments: Any) -> None:
            """Stay silent."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Stay silent: a caller that did not wait for a slow answer is what some tests are about."""

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            ended.set()
            server.shutdown()
            thread.join()
