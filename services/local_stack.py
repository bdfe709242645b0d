"""The three services as processes of one machine: what each is told, how they start, and how they stop.

Knows their commands alone (`python -m services.<name>`), never their insides.

In: the environment, as in `.env.example`. Out: a pid file a service under DATA_DIR/run; with TLS=1 the certificate and
its authority under DATA_DIR/tls.
"""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import httpx2

from services.local_tls import LocalTls
from shared.clock import Clock
from shared.errors import SuiteError

SERVICES = ("auth", "crm", "orders")
ROOT = Path(__file__).parents[1]
LOCAL_CONFIG = ROOT / "config" / "local.yaml"

#: How long a start may take, and how long a service may take to finish its requests before it is killed.
_START_LIMIT = timedelta(seconds=60)
_STOP_LIMIT = timedelta(seconds=10)
_POLL = timedelta(milliseconds=50)


class StackError(SuiteError):
    """The stack cannot start; the message is one line that says which part, and why."""


def stack_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the three processes: `given`, and the addresses that follow from the ports."""
    defaults = {
        "ENVIRONMENT": "local",
        "DATA_DIR": ".data",
        "AUTH_PORT": "9000",
        "CRM_PORT": "9001",
        "ORDERS_PORT": "9002",
    }
    environment = defaults | dict(given)
    tls = local_tls(environment)
    scheme = "https" if tls else "http"
    environment.setdefault("AUTH_ISSUER", f"{scheme}://localhost:{environment['AUTH_PORT']}")
    for api in ("CRM", "ORDERS"):
        environment.setdefault(f"{api}_ISSUER", environment["AUTH_ISSUER"])
        environment.setdefault(f"{api}_AUDIENCE", f"{scheme}://localhost:{environment[f'{api}_PORT']}")
    environment.setdefault("ORDERS_CRM_AUDIENCE", environment["CRM_AUDIENCE"])
    if tls:
        for name in map(str.upper, SERVICES):
            environment[f"{name}_TLS_CERT_FILE"] = str(tls.certificate)
            environment[f"{name}_TLS_KEY_FILE"] = str(tls.key)
        environment["SSL_CERT_FILE"] = str(tls.authority)  # they ask auth, and orders asks crm: no other server
    return environment


def local_tls(environment: Mapping[str, str]) -> LocalTls | None:
    """Return the certificate files that TLS=1 asks for; None: plain http.

    Raises:
        StackError: TLS is something else.
    """
    asked = environment.get("TLS", "")
    if asked not in {"", "0", "1"}:
        raise StackError(f"TLS: must be 1 (https) or 0 (http), not {asked!r}")
    return LocalTls(Path(environment["DATA_DIR"]) / "tls") if asked == "1" else None


class LocalStack:
    """auth, crm and orders, each a process of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.local = self.environment["ENVIRONMENT"] == "local"
        self.tls = local_tls(self.environment)
        self._run_directory = Path(self.environment["DATA_DIR"]) / "run"
        self._processes: dict[str, Process] = {}
        self._unready = dict.fromkeys(SERVICES, "not started")

    def address(self, name: str) -> str:
        """Return the base URL of one service on this machine."""
        return f"{'https' if self.tls else 'http'}://localhost:{self._port(name)}"

    async def start(self) -> None:
        """Migrate, seed (in ENVIRONMENT=local alone) and start all three; returns when each is ready.

        Raises:
            StackError: a port is taken (found before anything has started), or a step or a service failed.
            ConfigurationError: the files of TLS cannot be made.
        """
        for name in SERVICES:
            self._refuse_taken_port(name)
        self._run_directory.mkdir(parents=True, exist_ok=True)
        if self.tls:
            self.tls.make(Clock().now())
        try:
            async with asyncio.timeout(_START_LIMIT.total_seconds()), asyncio.TaskGroup() as group:
                # The three share nothing, so each goes through its own steps without waiting for the others.
                for name in SERVICES:
                    group.create_task(self._start(name))
        except TimeoutError:
            missing = "; ".join(f"{name}: {reason}" for name, reason in self._unready.items())
            raise StackError(f"not ready after {_START_LIMIT.seconds} seconds: {missing}") from None
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def ends(self) -> AsyncIterator[tuple[str, int, int]]:
        """Yield each service that ends, with its exit code and how many go on, until none is left."""
        waiting = {asyncio.create_task(process.wait()): name for name, process in self._processes.items()}
        try:
            while waiting:
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    name = waiting.pop(task)
                    self._pid_file(name).unlink(missing_ok=True)
                    yield name, task.result(), len(waiting)
        finally:
            for task in waiting:
                task.cancel()

    async def stop(self) -> None:
        """Ask every service to end, wait, kill those that are late, and remove the pid files."""
        running = [process for process in self._processes.values() if process.returncode is None]
        for process in running:
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_LIMIT.total_seconds()):
                await asyncio.gather(*(process.wait() for process in running))
        except TimeoutError:
            for process in running:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        for name in self._processes:
            self._pid_file(name).unlink(missing_ok=True)

    async def _start(self, name: str) -> None:
        migration = ("alembic", "-c", str(ROOT / "alembic.ini"), "-n", name, "upgrade", "head")
        await self._step(f"{name}: migration", *migration)
        if self.local:
            # the stack's addresses follow its ports: whoever starts it on others means them
            apply = ("apply", str(LOCAL_CONFIG), *(("--yes",) if name == "auth" else ()))
            await self._step(f"{name}: seeding", f"services.{name}", *apply)
        process = await self._spawn(f"services.{name}", "serve")
        self._processes[name] = process
        self._pid_file(name).write_text(f"{process.pid}\n", encoding="ascii")
        await self._until_ready(name, process)

    async def _step(self, title: str, *command: str) -> None:
        process = await self._spawn(*command, output=PIPE)
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:  # cancelled: another service failed, or Ctrl-C
                process.terminate()
                await process.wait()
        if process.returncode:
            lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
            cause = next((line for line in reversed(lines) if not line.startswith("(Background on")), "no output")
            raise StackError(f"{title} failed: {cause} (all of it: python -m {' '.join(command)})")

    async def _until_ready(self, name: str, process: Process) -> None:
        verify = self.tls.context() if self.tls else True
        async with httpx2.AsyncClient(trust_env=False, verify=verify) as client:
            while process.returncode is None:
                try:
                    answer = await client.get(f"{self.address(name)}/readyz")
                except httpx2.TransportError as error:
                    self._unready[name] = type(error).__name__
                else:
                    if answer.status_code == 200:
                        del self._unready[name]
                        return
                    self._unready[name] = answer.text
                await asyncio.sleep(_POLL.total_seconds())
        raise StackError(f"{name} ended while starting, with exit code {process.returncode}")

    async def _spawn(self, *command: str, output: int | None = None) -> Process:
        # A session of its own: Ctrl-C reaches this process alone, which then ends the others in order.
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            env=self.environment,
            stdout=output,
            stderr=None if output is None else STDOUT,
            start_new_session=True,
        )

    def _refuse_taken_port(self, name: str) -> None:
        variable = f"{name.upper()}_PORT"
        host = self.environment.get(f"{name.upper()}_HOST", "127.0.0.1")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, self._port(name)))
            except OSError as error:
                reason = f"{variable}: port {self._port(name)} on {host} cannot be used: {error.strerror}"
                raise StackError(f"{reason}; stop what holds it, or set {variable}") from error

    def _port(self, name: str) -> int:
        variable = f"{name.upper()}_PORT"
        try:
            return int(self.environment[variable])
        except ValueError:
            raise StackError(f"{variable}: must be a number, not {self.environment[variable]!r}") from None

    def _pid_file(self, name: str) -> Path:
        return self._run_directory / f"{name}.pid"
