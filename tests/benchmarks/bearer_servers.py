"""The same protected API three times, each a process on loopback: the program of docs/bearer.md, and its two peers."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.benchmarks.node_packages import NoPeer, node_packages
from tests.integration.test_bearer_example import NOTES, program
from tests.support.ports import free_ports

OURS, EXPRESS, FASTIFY = "uvicorn + shared.bearer", "express-oauth2-jwt-bearer", "fastify + jose"
_PACKAGES = ("express@5", "express-oauth2-jwt-bearer@1", "fastify@5", "jose@6")
# As `shared.asgi` serves the services.
_AS_SERVED = ["--no-access-log", "--no-proxy-headers", "--no-server-header", "--timeout-graceful-shutdown", "5"]
_ROOT, _HERE = Path(__file__).parents[2], Path(__file__).parent


@dataclass(frozen=True)
class Server:
    """Where it answers, and the process that does."""

    name: str
    address: str
    pid: int


@contextmanager
def our_server(issuer: str, address: str) -> Iterator[Server]:
    """Start uvicorn with the document's own program, and stop it. `address` is where the issuer's documents are."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="sso-bench-") as directory:
        (Path(directory) / "notes.py").write_text(program(), encoding="utf-8")
        uvicorn = [sys.executable, "-m", "uvicorn", "notes:app", "--app-dir", directory, "--port", str(port)]
        environment = {
            "PATH": os.defpath,
            "PYTHONDONTWRITEBYTECODE": "1",
            "BEARER_ISSUER": issuer,
            "BEARER_AUDIENCE": NOTES,
            "BEARER_JWKS_URL": f"{address}/.well-known/jwks.json",
            "BEARER_STATUS_BASE_URL": address,
        }
        with _running(OURS, [*uvicorn, *_AS_SERVED], port, environment) as server:
            yield server


@contextmanager
def peer_servers(issuer: str, address: str) -> Iterator[list[Server]]:
    """Install and start both peers, and stop them.

    Raises:
        NoPeer: node or npm is missing, the packages cannot be had, or one does not start.
    """
    with node_packages(*_PACKAGES) as directory, ExitStack() as started:
        servers = []
        for name, script in ((EXPRESS, "bearer_express.mjs"), (FASTIFY, "bearer_fastify.mjs")):
            (port,) = free_ports(1)
            node, copy = str(shutil.which("node")), str(shutil.copy(_HERE / script, directory))
            command = [node, copy, str(port), issuer, NOTES, f"{address}/.well-known/jwks.json"]
            try:
                servers.append(started.enter_context(_running(name, command, port, {"NODE_ENV": "production"})))
            except httpx2.TransportError:
                raise NoPeer(f"{name} did not start") from None
        yield servers


@contextmanager
def _running(name: str, command: list[str], port: int, environment: Mapping[str, str]) -> Iterator[Server]:
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        command,
        cwd=_ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            patient = httpx2.HTTPTransport(retries=7)
            with httpx2.Client(transport=patient, trust_env=False, timeout=30) as client:
                client.get(f"{address}/notes")
            yield Server(name, address, process.pid)
        finally:
            process.terminate()
