"""The containers of docker-compose.yml, as `make up` starts them: a project of the test run's own, on a free port.

Names under .localhost resolve in browsers and in curl, not in Python on Linux: `Loopback` stands in for a resolver.
"""

import json
import os
import secrets
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser

from tests.support.browser import _FLAGS, _driver
from tests.support.missing import missing
from tests.support.ports import free_ports

ROOT = Path(__file__).parents[2]
SERVICES = ("auth", "crm", "orders")
DOMAIN = "company.localhost"
#: The containers that stay up.
RUNNING = ("auth", "caddy", "crm", "orders", "postgres", "valkey")


class Loopback(httpx2.HTTPTransport):
    """Sends every request to this machine, whatever its host: name and certificate are checked all the same."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        here = httpx2.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,  # with the Host of the request as it was
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(here)


@dataclass
class ComposeStack:
    """One project of docker compose: what a test asks of it, and what it may do to it."""

    data: Path
    project: str = field(default_factory=lambda: f"sso-test-{secrets.token_hex(3)}")
    port: int = field(default_factory=lambda: free_ports(1)[0])

    def url(self, service: str) -> str:
        return f"https://{service}.{DOMAIN}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of make and docker compose: this project's, nothing of a developer's or an outer make's."""
        ours = ("AUTH_", "CRM_", "ORDERS_", "COMPOSE_", "ENVIRONMENT", "CLOCK_FILE", "LOG_LEVEL", "CONFIG_FILE", "MAKE")
        outer = {name: value for name, value in os.environ.items() if not name.startswith(ours)}  # noqa: TID251
        own = {"COMPOSE_PROJECT_NAME": self.project, "HTTPS_PORT": str(self.port), "DOMAIN": DOMAIN}
        return {**outer, **own, "DATA_DIR": str(self.data)}

    def make(self, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a target of the Makefile, whatever its end."""
        return self.run("make", target, **environment)

    def compose(self, *arguments: str) -> str:
        """Run docker compose and return what it printed; fails the test when it fails."""
        done = self.try_compose(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run docker compose, whatever its end."""
        return self.run("docker", "compose", *arguments)

    def one_shot(self, service: str, *options: str, command: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run the container of a service once more, by itself, whatever its end."""
        return self.try_compose("run", "--rm", "--no-deps", "--quiet-pull", *options, service, *command)

    def inside(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the (first) container of a service."""
        return self.try_compose("exec", "-T", service, *command)

    def python(self, service: str, program: str) -> str:
        """Run a Python program in the container of a service and return what it printed."""
        return self.compose("exec", "-T", service, "python", "-c", program)

    def sql(self, database: str, statement: str) -> str:
        """Run SQL as PostgreSQL's superuser and return the rows, unaligned."""
        program = (
            'PGPASSWORD="$(cat /secrets/postgres/password)" exec psql -h 127.0.0.1 -U postgres -qAt -d "$0" -c "$1"'
        )
        return self.compose("exec", "-T", "postgres", "sh", "-c", program, database, statement).strip()

    def log(self, service: str, number: int = 1) -> str:
        """Return all that one container has said."""
        done = self.run("docker", "logs", self.container(service, number))
        return done.stdout + done.stderr

    def container(self, service: str, number: int = 1) -> str:
        """Return the name of a container."""
        return f"{self.project}-{service}-{number}"

    def docker(self, *arguments: str) -> str:
        """Run docker and return what it printed."""
        done = self.run("docker", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def inspect(self) -> dict[str, dict[str, Any]]:
        """Return what docker knows of each running container, by name."""
        ids = self.compose("ps", "--quiet").split()
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", *ids))
        return {container["Name"].lstrip("/"): container for container in found}

    def wait_until_healthy(self) -> None:
        """Return when every container is, without starting any."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "90", "--no-recreate", "--no-deps", *RUNNING)

    @property
    def authority(self) -> Path:
        """The CA's certificate, where `make up` left it."""
        return self.data / "compose" / "ca.crt"

    def transport(self) -> Loopback:
        """Return a network on which the three names are this machine, and the stack's CA alone is trusted."""
        return Loopback(verify=ssl.create_default_context(cafile=str(self.authority)))

    def http(self) -> httpx2.Client:
        """Return a plain client on that network, which follows no redirect."""
        return httpx2.Client(transport=self.transport(), trust_env=False, timeout=30)

    def remove(self) -> None:
        """End and remove all that this project made: containers, networks, volumes, images."""
        self.try_compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        self.run("docker", "image", "rm", "--force", *(f"{self.project}-{service}" for service in SERVICES))

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout with the stack's environment, whatever its end."""
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def require_docker() -> None:
    """Skip (with CI=true: fail) where docker, its compose plugin or its engine is missing."""
    remedy = "install Docker with its compose plugin, and start its engine"
    if shutil.which("docker") is None:
        missing("docker", remedy)
    for command in (["docker", "compose", "version"], ["docker", "version"]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            missing("docker", remedy)


@contextmanager
def chromium_trusting(authority: Path, home: Path) -> Iterator[Browser]:
    """Start Chromium for a user whose certificate store holds the CA, as docs tell a person to add it."""
    certutil = shutil.which("certutil")
    if certutil is None:
        missing("certutil", "install it (Debian: apt-get install libnss3-tools)")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing("Chromium", "install it (Debian: apt-get install chromium)")
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "company-sso", "-i", str(authority)]):
        subprocess.run([certutil, "-d", f"sql:{store}", *arguments], check=True, capture_output=True)
    environment = {**os.environ, "HOME": str(home)}  # noqa: TID251 - handed on
    with _driver() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS, env=dict(environment))
        yield browser
        browser.close()
