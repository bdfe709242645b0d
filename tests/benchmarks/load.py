"""Load from threads of this process, over kept connections; what it costs here is not counted."""

import base64
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.benchmarks.processor import family_cpu_seconds

CONNECTIONS = 8

#: One round of a workload on one connection; returns how many requests it sent.
Round = Callable[[http.client.HTTPConnection], int]


@dataclass(frozen=True)
class Measured:
    """`per_cpu_second`: rounds for each CPU-second of the server process. `database_cpu`: PostgreSQL's, beside it."""

    rounds: int
    requests: int
    cpu: float
    database_cpu: float = 0
    seconds: float = 0

    @property
    def per_cpu_second(self) -> float:
        return self.rounds / self.cpu

    @property
    def cpu_per_round(self) -> float:
        return self.cpu / self.rounds


def measure(address: str, pid: int, rounds: list[Round], *, count: int, database_pid: int | None = None) -> Measured:
    """Run each of `rounds` on a connection of its own, `count` times after a tenth of that to warm up.

    `pid` is the server and `database_pid` the first process of its PostgreSQL; what their children use counts too.
    """
    with ThreadPoolExecutor(len(rounds)) as pool:
        connections = [http.client.HTTPConnection(str(urlsplit(address).netloc), timeout=60) for _ in rounds]
        list(pool.map(_repeat, connections, rounds, [max(1, count // 10)] * len(rounds)))
        database = 0.0 if database_pid is None else family_cpu_seconds(database_pid)
        before, started = family_cpu_seconds(pid), time.perf_counter()
        requests = sum(pool.map(_repeat, connections, rounds, [count] * len(rounds)))
        used, seconds = family_cpu_seconds(pid) - before, time.perf_counter() - started
        database = 0.0 if database_pid is None else family_cpu_seconds(database_pid) - database
        for connection in connections:
            connection.close()
    return Measured(count * len(rounds), requests, used, database, seconds)


def first_answer(url: str) -> None:
    """Return once this address has answered 200; a minute is long enough."""
    parts = urlsplit(url)
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        with contextlib.suppress(OSError):
            connection.request("GET", parts.path)
            if connection.getresponse().status == 200:
                return
        connection.close()
        threading.Event().wait(0.005)
    raise RuntimeError(f"{url} gives no answer")


def latency_while(address: str, path: str, rounds: list[Round], *, seconds: float) -> float:
    """Return the 99th percentile, in seconds, of reading `path` while every connection repeats its round."""
    over, waits = threading.Event(), []
    netloc = str(urlsplit(address).netloc)

    def load(one: Round) -> None:
        connection = http.client.HTTPConnection(netloc, timeout=60)
        while not over.is_set():
            one(connection)
        connection.close()

    with ThreadPoolExecutor(len(rounds)) as pool:
        running = [pool.submit(load, one) for one in rounds]
        probe, until = http.client.HTTPConnection(netloc, timeout=60), time.perf_counter() + seconds
        read = get(path)
        while time.perf_counter() < until:
            before = time.perf_counter()
            read(probe)
            waits.append(time.perf_counter() - before)
            over.wait(0.01)
        over.set()
        probe.close()
        for one in running:
            one.result()
    return sorted(waits)[int(len(waits) * 0.99)]


def _repeat(connection: http.client.HTTPConnection, one: Round, count: int) -> int:
    return sum(one(connection) for _ in range(count))


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def post(
    connection: http.client.HTTPConnection, path: str, form: dict[str, str], headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Post a form and return the JSON of a 200."""
    sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    connection.request("POST", path, urlencode(form), sent)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"POST {path}: {response.status} {body[:200]!r}")
    answer: dict[str, Any] = json.loads(body)
    return answer


def get(path: str) -> Round:
    """Return a round that reads a document."""

    def one(connection: http.client.HTTPConnection) -> int:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"GET {path}: {response.status}")
        return 1

    return one


def follow(connection: http.client.HTTPConnection, path: str, cookies: dict[str, str]) -> tuple[dict[str, str], int]:
    """Follow redirects for as long as they stay at the provider; return what the client gets, and the requests.

    `cookies` are the browser's: sent, and kept up to date.
    """
    requests, here = 0, {"", f"{connection.host}:{connection.port}"}
    while (parts := urlsplit(path)).netloc in here:
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("GET", target, headers={"Cookie": header, "User-Agent": "bench"})
        response = connection.getresponse()
        response.read()
        requests += 1
        if response.status not in {302, 303}:
            raise RuntimeError(f"GET {path}: {response.status}")
        for set_cookie in response.headers.get_all("set-cookie") or []:
            name, _, value = set_cookie.partition(";")[0].partition("=")
            cookies[name] = value
        path = response.headers["location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}, requests
