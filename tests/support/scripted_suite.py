"""The provider's token exchange and the CRM's contacts as another service meets them: real HTTP, scripted answers.

Each tells what it was asked; either can be made to fail in the ways that parts of a suite fail.
"""

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@dataclass
class Asked:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    form: dict[str, str] = field(default_factory=dict)

    @property
    def bearer(self) -> str:
        return self.headers["authorization"].removeprefix("Bearer ")

    @property
    def basic(self) -> str:
        return base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()


@dataclass
class Script:
    """What one part answers, unless `answers` holds something else for the next requests.

    An answer is a status, a body (JSON, or bytes as they are) and headers; `hang` lets requests wait for an event.
    """

    asked: list[Asked] = field(default_factory=list)
    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    always: tuple[int, Any, dict[str, str]] | None = None
    hang: threading.Event | None = None

    def next(self, status: int, body: Any = b"", **headers: str) -> None:
        """Answer the next request so, after those that are scripted already."""
        self.answers.append((status, body, headers))


class ScriptedSuite:
    """Both parts behind one address. Every contact is seen but those in `unseen`."""

    def __init__(self) -> None:
        self.url = ""
        self.token = Script()
        self.contacts = Script()
        self.unseen: set[str] = set()
        self.expires_in = 300
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        """Return the answer to one request, and remember what was asked."""
        script = self.token if asked.path == "/token" else self.contacts
        with self._lock:
            script.asked.append(asked)
            number = len(script.asked)
            scripted = script.answers.pop(0) if script.answers else script.always
        if script.hang is not None:
            script.hang.wait(30)
        if scripted is not None:
            return scripted
        if script is self.token:
            body = {"access_token": f"traded-{number}", "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer"}
            return 200, {**body, "expires_in": self.expires_in, "scope": "crm:read"}, {}
        contact_id = asked.path.rpartition("/")[2]
        if contact_id in self.unseen:
            problem = {"title": "Not Found", "status": 404, "detail": "No such record."}
            return 404, problem, {"Content-Type": "application/problem+json"}
        return 200, {"id": contact_id, "name": "Mad Hatter"}, {}


@contextmanager
def scripted_suite() -> Iterator[ScriptedSuite]:
    """Serve one on loopback."""
    suite = ScriptedSuite()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: " ".join(values) for name, values in parse_qs(text).items()})

        def _answer(self, form: dict[str, str]) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body, more = suite.answer(Asked(self.path, headers, form))
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            try:
                self.send_response(status)
                for name, value in ({"Content-Type": "application/json"} | more).items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the one who asked has given up

        def log_message(self, *arguments: Any) -> None:
            """Stay silent."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        suite.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield suite
        finally:
            for script in (suite.token, suite.contacts):
                if script.hang is not None:
                    script.hang.set()
            server.shutdown()
            thread.join()
