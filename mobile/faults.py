"""Bad networks, dying phones and thieves to put under an app: transports that wrap transports.

Each acts on requests to the path `on`, once per `arm`, and lets all others pass. They nest:
`DroppedReply(Wiretap(httpx2.HTTPTransport()))`.
Spec: RFC 9700 s4.14 (refresh tokens), RFC 6749 s10.5 (codes)
"""

import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import httpx2

from mobile.contents import Contents
from mobile.store import FileStore


class Fault(httpx2.BaseTransport):
    """A network that behaves until `arm` is called."""

    def __init__(self, inner: httpx2.BaseTransport | None = None, on: str = "/token") -> None:
        self._inner = inner or httpx2.HTTPTransport()
        self._on = on
        self._left = 0
        self._lock = threading.Lock()

    def arm(self, times: int = 1) -> None:
        """Make the next `times` requests suffer."""
        with self._lock:
            self._left = times

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            strikes = self._left > 0 and request.url.path == self._on
            self._left -= strikes
        return self.strike(request) if strikes else self._inner.handle_request(request)

    def strike(self, request: httpx2.Request) -> httpx2.Response:
        """Do the harm."""
        raise NotImplementedError

    def close(self) -> None:
        self._inner.close()


class NoNetwork(Fault):
    """The request never leaves the phone."""

    def strike(self, request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no network", request=request)


class DroppedReply(Fault):
    """The request reaches the server, which acts on it; the answer is lost."""

    def strike(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        response.read()
        response.close()
        raise httpx2.ReadError("the connection was lost", request=request)


class DuplicatedRequest(Fault):
    """The request reaches the server twice; the app sees the second answer."""

    def strike(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        response.read()
        response.close()
        return self._inner.handle_request(request)


class DelayedRequest(Fault):
    """The request is held until `release` is set; `held` is set meanwhile. There is no timer: the test decides."""

    def __init__(self, inner: httpx2.BaseTransport | None = None, on: str = "/token") -> None:
        super().__init__(inner, on)
        self.held = threading.Event()
        self.release = threading.Event()

    def strike(self, request: httpx2.Request) -> httpx2.Response:
        self.held.set()
        self.release.wait()
        return self._inner.handle_request(request)


@dataclass(frozen=True)
class Exchange:
    """One request that went by, with its answer."""

    request: httpx2.Request
    form: dict[str, str] = field(repr=False)
    response: httpx2.Response


class Wiretap(httpx2.BaseTransport):
    """A thief on the wire, or in the phone's memory, who keeps what goes by and can replay it."""

    def __init__(self, inner: httpx2.BaseTransport | None = None) -> None:
        self._inner = inner or httpx2.HTTPTransport()
        self.exchanges: list[Exchange] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        response.read()
        self.exchanges.append(Exchange(request, dict(parse_qsl(request.content.decode())), response))
        return response

    def stolen(self, grant_type: str) -> list[Exchange]:
        """Return the token requests of that grant that went by, oldest first."""
        return [exchange for exchange in self.exchanges if exchange.form.get("grant_type") == grant_type]

    def replay(self, exchange: Exchange, **changed: str) -> httpx2.Response:
        """Send that request again, with `changed` fields (another code_verifier, say), as the thief."""
        url = str(exchange.request.url)
        with httpx2.Client(transport=self._inner, trust_env=False) as thief:
            return thief.request(exchange.request.method, url, data={**exchange.form, **changed})

    def close(self) -> None:
        self._inner.close()


class KilledError(BaseException):
    """The process died here. Nothing in the app catches this, as nothing catches a kill."""


class DyingStore(FileStore):
    """A store whose app is killed between receiving tokens and saving them, once `arm` was called."""

    armed = False

    def arm(self) -> None:
        self.armed = True

    def save(self, contents: Contents) -> None:
        if self.armed and contents != self.load():  # something new; a rewrite of the same is not what was received
            self.armed = False
            raise KilledError
        super().save(contents)
