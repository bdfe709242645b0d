"""A load balancer in front of the proxy: the caller's address survives, and nobody writes another's."""

import json
from collections.abc import Iterator

import pytest

from tests.compose.test_proxy import ECHO, FORGED
from tests.support.compose import DOMAIN, ComposeStack

#: Asks the proxy at a name for crm, as a balancer would, with the header lines given; prints what reached the service.
ASK = """
import socket, ssl
context = ssl.create_default_context(cafile="/secrets/ca/ca.crt")
with socket.create_connection(({proxy!r}, {port}), timeout=10) as plain:
    with context.wrap_socket(plain, server_hostname={host!r}) as tls:
        head = ["GET / HTTP/1.1", "Host: {host}:{port}", "Connection: close", *{lines!r}]
        tls.sendall("\\r\\n".join([*head, "", ""]).encode())
        answer = b""
        while chunk := tls.recv(65536):
            answer += chunk
print(answer.partition(b"\\r\\n\\r\\n")[2].decode())
"""


class Balanced:
    """A second proxy of the stack, which takes the stack's own networks for its balancer's."""

    def __init__(self, compose: ComposeStack) -> None:
        self._compose, self.name = compose, f"{compose.project}-balanced"

    def start(self) -> None:
        private = "TRUSTED_PROXIES=10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"
        self._compose.compose("run", "--detach", "--no-deps", "--env", private, "--name", self.name, "caddy")
        self._compose.compose("stop", "crm")
        echo = ("run", "--detach", "--no-deps", "--use-aliases", "--name", f"{self.name}-echo")
        self._compose.compose(*echo, "crm", "python", "-c", ECHO)

    def stop(self) -> None:
        self._compose.run("docker", "rm", "--force", self.name, f"{self.name}-echo")
        self._compose.compose("start", "crm")
        self._compose.wait_until_healthy()

    def told(self, *lines: str) -> dict[str, str]:
        """Return the headers that reached the service, by lower-case name."""
        asked = ASK.format(proxy=self.name, host=f"crm.{DOMAIN}", port=self._compose.port, lines=lines)
        said = [(name.lower(), value) for name, value in json.loads(self._compose.python("orders", asked))]
        assert len(dict(said)) == len(said)
        return dict(said)


@pytest.fixture(scope="module")
def balanced(compose: ComposeStack) -> Iterator[Balanced]:
    proxy = Balanced(compose)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.stop()


@pytest.mark.parametrize(
    ("lines", "caller"),
    [
        (["X-Forwarded-For: 198.51.100.7"], "198.51.100.7"),
        (["X-Forwarded-For: 203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 198.51.100.7 "], "198.51.100.7"),
        (["X-Forwarded-For: 203.0.113.9, 10.1.2.3"], "10.1.2.3"),
        (["X-Forwarded-For: 2001:db8::7"], "2001:db8::7"),
        (["X-Forwarded-For: 198.51.100.7", "X-Caller: 203.0.113.9"], "198.51.100.7"),
        (["X-Forwarded-For: 198.51.100.7", "X-Forwarded-Chain: 203.0.113.9"], "198.51.100.7"),
    ],
)
def test_what_the_balancer_wrote_last_is_the_caller(balanced: Balanced, lines: list[str], caller: str) -> None:
    assert balanced.told(*lines)["x-forwarded-for"] == caller


def test_nothing_else_that_came_through_the_balancer_is_passed_on(balanced: Balanced) -> None:
    forged = [f"{name}: {value}" for name, value in FORGED.items() if name != "X-Forwarded-For"]
    got = balanced.told(*forged)
    assert "203.0.113.9" not in got["x-forwarded-for"]  # the balancer itself: it named nobody
    assert got["x-forwarded-proto"] == "https"
    assert got["x-forwarded-host"].startswith(f"crm.{DOMAIN}:")
    names = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
    assert {name for name in got if name.startswith("x-") or "forward" in name or name.endswith("-ip")} <= names
