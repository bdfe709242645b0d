"""Receives the redirect on a loopback port of this machine.

Spec: RFC 8252 s7.3, s8.3
"""

import queue
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from mobile.errors import MobileError, SignInRefused

_PAGE = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Back to the app</title>
<p>You may close this window and go back to the app.</p>
</html>
"""

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",  # the address holds the code
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class LoopbackReceiver:
    """Listens from construction to `close` for one redirect that `accept` takes.

    Any page in the browser and any program on this machine can send a request here. All but the redirect (another path,
    another state, another host name) is answered 404 and ignored.
    """

    def __init__(self, redirect_uri: str, accept: Callable[[str], bool]) -> None:
        """Bind the address of `redirect_uri`, on its port or, if it names none, on a free one.

        Raises:
            MobileError: the port is taken or not allowed.
        """
        parts = urlsplit(redirect_uri)
        try:
            self._server = _Server(parts.hostname or "127.0.0.1", parts.port or 0, parts.path, accept)
        except OSError as error:
            raise MobileError(
                f"cannot listen at {redirect_uri}: {error.strerror}; give another --redirect-uri, or none"
            ) from error
        self.redirect_uri = self._server.origin + parts.path
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def wait(self, patience: timedelta) -> str:
        """Return the URL of the redirect.

        Raises:
            SignInRefused: it did not come in time.
        """
        try:
            return self._server.received.get(timeout=patience.total_seconds())
        except queue.Empty:
            raise SignInRefused("nobody finished the sign-in in time; sign in again") from None

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # browsers open connections that they never use

    def __init__(self, host: str, port: int, path: str, accept: Callable[[str], bool]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self._authority = f"[{host}]:{self.server_port}" if ":" in host else f"{host}:{self.server_port}"
        self.origin = f"http://{self._authority}"
        self.received: queue.Queue[str] = queue.Queue()
        self._path = path
        self._accept = accept
        self._lock = threading.Lock()
        self._taken = False

    def take(self, host: str | None, target: str) -> bool:
        """Report whether `target` is the redirect, and the first one. A foreign Host header means DNS rebinding."""
        if host != self._authority or urlsplit(target).path != self._path:
            return False
        with self._lock:
            if not self._taken:
                self._taken = self._accept(self.origin + target)
                return self._taken
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: browsers hang up often, and a traceback could show the code."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10
    server_version = "app"
    sys_version = ""

    def do_GET(self) -> None:
        accepted = self.server.take(self.headers.get("Host"), self.path)
        try:
            self._answer(accepted=accepted)
        finally:
            if accepted:  # after the page, which the end of the program would cut off
                self.server.received.put(self.server.origin + self.path)

    def _answer(self, *, accepted: bool) -> None:
        page = _PAGE if accepted else b""
        self.send_response(200 if accepted else 404)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives it
        """Log nothing: the request line holds the code."""
