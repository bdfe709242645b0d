"""A relay before PostgreSQL that counts round trips: how often a client waits for the server's answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import make_url

#: What ends a message exchange in PostgreSQL's protocol: a simple query, or the Sync after extended ones.
_ENDS = frozenset(b"QS")


@dataclass
class RoundTrips:
    """What has been counted since the last `reset`, on every connection together."""

    url: str
    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        with self._lock:
            self.count = 0

    def add(self, number: int) -> None:
        with self._lock:
            self.count += number


@contextmanager
def counted_round_trips(url: str) -> Iterator[RoundTrips]:
    """Yield a relay to the PostgreSQL of `url`; its own `url` is the one to connect to."""
    target = make_url(url)
    listener = socket.create_server(("127.0.0.1", 0))
    relayed = target.set(host="127.0.0.1", port=listener.getsockname()[1])
    trips = RoundTrips(relayed.render_as_string(hide_password=False))
    open_sockets: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((str(target.host), int(target.port or 5432)))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            open_sockets.extend((client, server))
            threading.Thread(target=_relay, args=(client, server, trips), daemon=True).start()
            threading.Thread(target=_relay, args=(server, client, None), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield trips
    finally:
        for one in (listener, *open_sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _relay(source: socket.socket, target: socket.socket, trips: RoundTrips | None) -> None:
    counter = _Messages()
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            if trips is not None:
                trips.add(counter.feed(data))
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class _Messages:
    """Splits what a client sends into messages; the first one (start-up) has no type."""

    def __init__(self) -> None:
        self._pending = b""
        self._started = False

    def feed(self, data: bytes) -> int:
        """Return how many exchanges these bytes end."""
        self._pending += data
        found = 0
        while True:
            head = 1 if self._started else 0
            if len(self._pending) < head + 4:
                return found
            size = head + int.from_bytes(self._pending[head : head + 4], "big")
            if len(self._pending) < size:
                return found
            found += self._started and self._pending[0] in _ENDS
            # a client that asks for TLS first sends its start-up message once more
            self._started = self._started or size != 8
            self._pending = self._pending[size:]
