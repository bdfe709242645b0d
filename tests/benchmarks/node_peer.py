"""The peer to measure against, where node and npm are: installed into a temporary folder, gone at the end."""

import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load import CONNECTIONS, first_answer
from tests.benchmarks.node_packages import NoPeer, node_packages
from tests.benchmarks.processor import pinned
from tests.support.ports import free_ports

_PACKAGE = "oidc-provider@9"
_SCRIPT = Path(__file__).with_suffix(".mjs")


@dataclass(frozen=True)
class Peer:
    """A running node-oidc-provider, with a refresh token for each connection."""

    address: str
    pid: int
    secret: str
    refresh_tokens: list[str]
    start_seconds: float


@dataclass(frozen=True)
class NodePeer:
    """An installed node-oidc-provider, and how to start it."""

    directory: Path

    @property
    def version(self) -> str:
        manifest = self.directory / "node_modules" / "oidc-provider" / "package.json"
        return str(json.loads(manifest.read_text(encoding="utf-8"))["version"])

    @contextmanager
    def serving(self, cores: frozenset[int]) -> Iterator[Peer]:
        """Start it on these cores, and stop it.

        Raises:
            NoPeer: it does not start.
        """
        (port,) = free_ports(1)
        secret = secrets.token_urlsafe(32)
        script = shutil.copy(_SCRIPT, self.directory)
        command = ["node", script, str(port), secret, str(CONNECTIONS)]
        started = time.perf_counter()
        with pinned(cores):
            process = subprocess.Popen(
                command, cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        with process:
            try:
                assert process.stdout is not None
                line = next((line for line in process.stdout if line.startswith("[")), "")
                if not line:
                    raise NoPeer("node-oidc-provider did not start")
                address = f"http://localhost:{port}"
                first_answer(f"{address}/jwks")
                yield Peer(address, process.pid, secret, json.loads(line), time.perf_counter() - started)
            finally:
                process.terminate()


@contextmanager
def node_peer() -> Iterator[NodePeer]:
    """Install it for as long as the benchmark runs.

    Raises:
        NoPeer: node or npm is missing, or the package cannot be had.
    """
    with node_packages(_PACKAGE) as directory:
        yield NodePeer(directory)
