"""A small, bounded load on a running stack, from a few clients that each remember what they were told.

Loopback only. A refused request is not an error here: what matters is what became of it when it was tried again.
"""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2

from tests.support.compose import ComposeStack

#: At most this often is one request tried, and so long between two tries (seconds).
TRIES, PAUSE = 60, 0.5


@dataclass
class Load:
    """What the clients were answered."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    gave_up: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)

    def refused(self, method: str) -> int:
        """Return how many tries of a method ended in anything but success."""
        return sum(count for (what, status), count in self.answers.items() if what == method and status >= 300)

    def done(self, method: str) -> int:
        """Return how many tries of a method succeeded."""
        return sum(count for (what, status), count in self.answers.items() if what == method and status < 300)

    def _try(self, client: httpx2.Client, method: str, url: str, **options: object) -> httpx2.Response | None:
        """Send a request until it succeeds; None when it never did."""
        for _ in range(TRIES):
            try:
                answer = client.request(method, url, **options)  # type: ignore[arg-type]
            except httpx2.TransportError:
                status = 599  # the proxy itself never goes away in these tests
            else:
                status = answer.status_code
            with self._lock:
                self.answers[method, status] += 1
            if status < 300:
                return answer
            self._stop.wait(PAUSE) if not self._stop.is_set() else threading.Event().wait(PAUSE)
        self.gave_up.append(f"{method} {url}")
        return None

    def _write(self, stack: ComposeStack, access_token: str) -> None:
        headers = {"Authorization": f"Bearer {access_token}"}
        with stack.http() as client:
            while not self._stop.is_set():
                name = f"load {uuid.uuid4()}"
                if self._try(client, "POST", f"{stack.url('crm')}/api/contacts", json={"name": name}, headers=headers):
                    with self._lock:
                        self.acknowledged.add(name)
                self._stop.wait(0.05)

    def _read(self, stack: ComposeStack, access_token: str) -> None:
        headers = {"Authorization": f"Bearer {access_token}"}
        with stack.http() as client:
            while not self._stop.is_set():
                self._try(client, "GET", f"{stack.url('orders')}/api/orders", headers=headers)
                self._try(client, "GET", f"{stack.url('auth')}/userinfo", headers=headers)
                self._stop.wait(0.05)

    def _sign_out(self, stack: ComposeStack, access_token: str) -> None:
        del access_token
        form = {"client_id": "mobile-app", "token": "of nobody"}  # answered 200, and nothing changes
        with stack.http() as client:
            while not self._stop.is_set():
                self._try(client, "POST", f"{stack.url('auth')}/revoke", data=form)
                self._stop.wait(0.05)

    @contextmanager
    def running(self, stack: ComposeStack, access_token: str, *kinds: str) -> Iterator[None]:
        """Keep the clients busy for the length of the block, two for each kind of work."""
        work: dict[str, Callable[[ComposeStack, str], None]] = {
            "write": self._write,
            "read": self._read,
            "sign out": self._sign_out,
        }
        clients = [threading.Thread(target=work[kind], args=(stack, access_token)) for kind in kinds for _ in range(2)]
        for client in clients:
            client.start()
        try:
            yield
        finally:
            self._stop.set()
            for client in clients:
                client.join()

    def wait_for(self, method: str, more: int) -> None:
        """Return when `more` further tries of a method have succeeded."""
        enough = self.done(method) + more
        for _ in range(1200):
            if self.done(method) >= enough:
                return
            threading.Event().wait(0.1)
        raise AssertionError(f"{method}: {dict(self.answers)}")
