"""The recorder: a provider of the test's own whose answers are written down, one object a request.

A chapter is a function of a `Scene`. `scene("what is asked")` names the requests that follow, `scene.quiet` leaves
them out: what it takes to get there.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from shared.testing import SettableClock
from tests.integration.auth.provider import Browser, Provider, start
from tests.integration.auth.recorded.placeholders import Placeholders

#: The headers that callers rely on; others (X-Request-Id, Content-Length) may change.
_HEADERS = (
    "content-type",
    "cache-control",
    "pragma",
    "www-authenticate",
    "location",
    "retry-after",
    "etag",
    "vary",
    "allow",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
    "content-security-policy",
    "referrer-policy",
    "set-cookie",
)
_SENT_HEADERS = ("authorization", "origin", "access-control-request-method", "if-none-match")
_FORM = "application/x-www-form-urlencoded"
#: Characters of what was sent that are written down.
_SHORT = 400


class Scene:
    """One provider with its clock, and the answers that it gave."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.clock = SettableClock()
        self.answers: list[dict[str, Any]] = []
        self._provider = start(data, self.clock, **settings)
        self._placeholders = Placeholders()
        self._name: str | None = None
        self._count = 0
        self._listen(self._provider.http)

    def __call__(self, name: str) -> Provider:
        """Name the requests that follow."""
        self._name, self._count = name, 0
        return self._provider

    @property
    def quiet(self) -> Provider:
        """Write nothing down until the next name."""
        self._name = None
        return self._provider

    def browser(self) -> Browser:
        """Return a browser without cookies; what it gets is written down."""
        browser = self._provider.browser()
        self._listen(browser.http)
        return browser

    def form(self, name: str, path: str, raw: str | bytes, **headers: str) -> httpx2.Response:
        """Post a body as it is."""
        sent = {"Content-Type": _FORM, **{key.replace("_", "-"): value for key, value in headers.items()}}
        return self(name).http.post(path, content=raw, headers=sent)

    def ask(self, name: str, method: str, path: str, **headers: str) -> httpx2.Response:
        """Send a request without a body."""
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        return self(name).http.request(method, path, headers=sent)

    def close(self) -> None:
        self._provider.database.dispose()
        self._provider.context.database.database.dispose()  # type: ignore[attr-defined] # as lifespan does

    def _listen(self, client: TestClient) -> None:
        client.event_hooks = {"response": [self._write_down]}

    def _write_down(self, response: httpx2.Response) -> None:
        if self._name is None:
            return
        response.read()
        self._count += 1
        request, shown = response.request, self._placeholders
        answer: dict[str, Any] = {
            "name": self._name if self._count == 1 else f"{self._name} ({self._count})",
            "method": request.method,
            "path": shown.text(request.url.raw_path.decode())[:_SHORT],
            "sent": self._sent(request),
            "status": response.status_code,
            "headers": self._headers(response),
            "body": self._body(response),
        }
        self.answers.append({key: value for key, value in answer.items() if value not in ({}, "")})

    def _sent(self, request: httpx2.Request) -> dict[str, str]:
        sent = {name: request.headers[name] for name in _SENT_HEADERS if name in request.headers}
        if "if-none-match" in sent:
            sent["if-none-match"] = "<etag>"
        content_type = request.headers.get("content-type", _FORM)
        if content_type != _FORM:
            sent["content-type"] = content_type.partition("; boundary")[0]
        names = sorted(part.partition("=")[0] for part in request.headers.get("cookie", "").split("; "))
        multipart = "boundary" in content_type  # and random
        body = "<multipart>" if multipart else request.content.decode("utf-8", "backslashreplace")
        shown = {**sent, "cookies": " ".join(names), "body": body}
        return {name: self._placeholders.text(value)[:_SHORT] for name, value in shown.items() if value}

    def _headers(self, response: httpx2.Response) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in _HEADERS:
            values = response.headers.get_list(name)
            if name == "etag" and values:
                values = ["<etag>"]
            if name == "allow":  # a set: the framework writes it in any order
                values = [", ".join(sorted(value.split(", "))) for value in values]
            if name == "retry-after" and values and 3000 < int(values[0]) <= 3600:  # floods go by the real time
                values = ["<an hour>"]
            shown = [self._placeholders.text(value) for value in values]
            if shown:
                found[name] = shown[0] if len(shown) == 1 else shown
        return found

    def _body(self, response: httpx2.Response) -> Any:
        content_type, text = response.headers.get("content-type", ""), response.text
        if not text:
            return ""
        if content_type.endswith("+jwt"):
            return self._placeholders.token(text)
        if content_type.startswith("application/json"):
            content = json.loads(text)
            # the blanks count too; JSON that is written in a third way is kept as text
            if json.dumps(content, separators=(",", ":"), ensure_ascii=False) == text:
                return self._placeholders.content(content)
            if json.dumps(content) == text:
                return {"with blanks": self._placeholders.content(content)}
        lines = self._placeholders.text(text).splitlines()
        return lines if len(lines) > 1 else lines[0]


@contextmanager
def scene(data: Path, **settings: Any) -> Iterator[Scene]:
    """Open a scene of its own."""
    data.mkdir()
    opened = Scene(data, **settings)
    try:
        yield opened
    finally:
        opened.close()


Chapter = Callable[[Scene], None]


def record(chapters: dict[str, Chapter], data: Path, settings: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Play every chapter on a provider of its own; return the answers by chapter."""
    recorded = {}
    for number, (name, chapter) in enumerate(chapters.items()):
        with scene(data / str(number), **settings.get(name, {})) as played:
            chapter(played)
            recorded[name] = played.answers
    return recorded


def as_text(recorded: dict[str, Any]) -> str:
    """Return the recording as it is kept: the order of members counts."""
    return json.dumps(recorded, indent=1, ensure_ascii=False) + "\n"
