"""Load from threads of this process, over kept connections; what it costs here is not counted."""

import base64
import http.client
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.benchmarks.auth_process import cpu_seconds

CONNECTIONS = 8

#: One round of a workload on one connection; returns how many requests it sent.
Round = Callable[[http.client.HTTPConnection], int]


@dataclass(frozen=True)
class Measured:
    """`per_cpu_second`: rounds for each CPU-second of the server process."""

    rounds: int
    requests: int
    cpu: float

    @property
    def per_cpu_second(self) -> float:
        return self.rounds / self.cpu

    @property
    def cpu_per_round(self) -> float:
        return self.cpu / self.rounds


def measure(address: str, pid: int, rounds: list[Round], *, count: int) -> Measured:
    """Run each of `rounds` on a connection of its own, `count` times after a tenth of that to warm up."""
    with ThreadPoolExecutor(len(rounds)) as pool:
        connections = [http.client.HTTPConnection(str(urlsplit(address).netloc), timeout=60) for _ in rounds]
        list(pool.map(_repeat, connections, rounds, [max(1, count // 10)] * len(rounds)))
        before = cpu_seconds(pid)
        requests = sum(pool.map(_repeat, connections, rounds, [count] * len(rounds)))
        used = cpu_seconds(pid) - before
        for connection in connections:
            connection.close()
    return Measured(count * len(rounds), requests, used)


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


def follow(connection: http.client.HTTPConnection, path: str, cookie: str) -> tuple[dict[str, str], int]:
    """Follow redirects for as long as they stay at the provider; return what the client gets, and the requests."""
    requests, cookies = 0, {"SSO_SESSION": cookie}
    while path.startswith("/"):
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        connection.request("GET", path, headers={"Cookie": header, "User-Agent": "bench"})
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
