"""The three real processes, as `python -m services` starts them, on free ports and temporary data."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from shared.clock import Clock
from tests.support.clock_file import ClockFile
from tests.support.ports import free_ports

_ROOT = Path(__file__).parents[2]
SERVICES = ("auth", "crm", "orders")


@dataclass
class Stack:
    """A running suite: where it answers, and what a test may do to it."""

    auth: str
    crm: str
    orders: str
    data: Path
    _clock_file: ClockFile
    _process: subprocess.Popen[str]

    def now(self) -> datetime:
        """Return the moment that the three processes take it to be."""
        return Clock(self._clock_file.path).now()

    def advance(self, seconds: float) -> None:
        """Move the clock of all three processes; they see it at once. It never goes back in a shared stack."""
        self._clock_file.advance(timedelta(seconds=seconds))

    def stop(self, name: str) -> None:
        """End one service as an operator would (SIGTERM), and return when it is gone.

        Only on a stack of the test's own (`own_stack`): nothing starts the service again.
        """
        os.kill(self.pid(name), signal.SIGTERM)
        self._await_line(f"{name} ended")

    def kill(self, name: str) -> None:
        """End one service as a crash would (SIGKILL), and return when it is gone. Only on `own_stack`."""
        os.kill(self.pid(name), signal.SIGKILL)
        self._await_line(f"{name} ended")

    def end(self, number: signal.Signals) -> int:
        """End the whole stack by one signal to `python -m services` and return its exit code. Only on a stack of
        the test's own."""
        self._process.send_signal(number)
        return self._process.wait()

    def pid(self, name: str) -> int:
        """Return the process id of one service."""
        return int((self.data / "run" / f"{name}.pid").read_text(encoding="ascii"))

    def log(self) -> str:
        """Return all that the three services have logged: one JSON object a line."""
        return (self.data / "services.log").read_text(encoding="utf-8")

    def _await_line(self, start: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(start):
                return
        raise RuntimeError(f"python -m services ended before it said {start!r}:\n{self.log()}")


@contextmanager
def running_stack(data: Path, settings: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Start the suite with its data under `data`, yield it when all three are ready, and stop it.

    `settings` are environment variables on top of the local defaults: `AUTH_DATABASE_URL`, a lifetime, ...
    """
    environment = stack_environment_for(data, settings or {})
    with (data / "services.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services"],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    scheme = "https" if environment.get("TLS") == "1" else "http"
    addresses = {name: f"{scheme}://localhost:{environment[f'{name.upper()}_PORT']}" for name in SERVICES}
    clock_file = ClockFile(Path(environment["CLOCK_FILE"]))
    stack = Stack(**addresses, data=data, _clock_file=clock_file, _process=process)
    with process:  # closes the pipe and waits
        try:
            stack._await_line("ready")
            yield stack
        finally:
            process.terminate()


def stack_environment_for(data: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a stack with free ports and its data under `data`; `settings` win."""
    data.mkdir(parents=True, exist_ok=True)
    ports = zip(SERVICES, free_ports(len(SERVICES)), strict=True)
    return {
        **_outer_environment(),
        "DATA_DIR": str(data),
        "CLOCK_FILE": str(data / "clock"),
        "ORDERS_CUSTOMERS_TIMEOUT": "30",  # this machine may be busy with other tests
        **{f"{name.upper()}_PORT": str(port) for name, port in ports},
        **settings,
    }


def _outer_environment() -> dict[str, str]:
    """Return this process's environment without the suite's own settings, which a developer may have set."""
    ours = ("AUTH_", "CRM_", "ORDERS_", "ENVIRONMENT", "DATA_DIR", "CLOCK_FILE", "LOG_LEVEL", "TLS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}  # noqa: TID251 - handed on
