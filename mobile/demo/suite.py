"""The real suite as a child process, with its own ports, temporary data and clock.

It uses what an operator uses: `python -m services`, its settings, /readyz, the pid files.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2

from mobile.errors import MobileError

_ROOT = Path(__file__).resolve().parents[2]
_SERVICES = ("auth", "crm", "orders")
_START_SECONDS = 90
_STOP_SECONDS = 30


@dataclass(frozen=True)
class Suite:
    """A running suite."""

    auth: str
    crm: str
    orders: str
    data: Path

    @property
    def _auth_pid(self) -> Path:
        return self.data / "run" / "auth.pid"

    @property
    def clock_file(self) -> Path:
        return self.data / "clock"

    def move_clock(self, step: timedelta) -> None:
        """Move the clock of every process that reads CLOCK_FILE, this one's included, by `step` (whole seconds)."""
        offset = int(self.clock_file.read_text(encoding="ascii")) + round(step.total_seconds())
        fresh = self.clock_file.with_suffix(".new")  # replaced whole: no reader sees half a number
        fresh.write_text(f"{offset:+}\n", encoding="ascii")
        fresh.replace(self.clock_file)

    def stop_auth(self) -> None:
        """End the provider alone, as an operator would, and return when it has ended."""
        os.kill(int(self._auth_pid.read_text(encoding="ascii")), signal.SIGTERM)
        for _ in range(_STOP_SECONDS * 10):
            if not self._auth_pid.exists():  # removed once the process is gone
                return
            threading.Event().wait(0.1)
        raise MobileError("the provider does not stop")


@contextmanager
def running_suite(data: Path) -> Iterator[Suite]:
    """Start the suite with its data under `data`, yield it when all three are ready, and always end it.

    Raises:
        MobileError: it did not start; the message holds the end of its log.
    """
    ports = _free_ports(len(_SERVICES))
    auth, crm, orders = (f"http://localhost:{port}" for port in ports)
    suite = Suite(auth, crm, orders, data)
    suite.clock_file.write_text("+0\n", encoding="ascii")
    settings = {f"{name.upper()}_PORT": str(port) for name, port in zip(_SERVICES, ports, strict=True)}
    settings |= {"ENVIRONMENT": "local", "DATA_DIR": str(data), "CLOCK_FILE": str(suite.clock_file)}
    log = data / "services.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services"],
            cwd=_ROOT,
            env=_outer_environment() | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_ready(suite, process, log)
        yield suite
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(suite: Suite, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_START_SECONDS * 10):
        if all(_ready(address) for address in (suite.auth, suite.crm, suite.orders)):
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    raise MobileError(f"the suite did not start; the end of its log:\n{end}")


def _ready(address: str) -> bool:
    try:
        with httpx2.Client(trust_env=False, timeout=5) as http:
            return http.get(f"{address}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def _free_ports(count: int) -> list[int]:
    """Return ports that are free at this moment; all are held until the last is found, so that they differ."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _outer_environment() -> dict[str, str]:
    """Return this process's environment without the suite's own settings, which a developer may have set."""
    ours = ("AUTH_", "CRM_", "ORDERS_", "ENVIRONMENT", "DATA_DIR", "CLOCK_FILE", "LOG_LEVEL", "TLS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}  # noqa: TID251 - handed on
