"""`serve --workers N`: N processes on one socket, replaced when they die, ended together.

The first process binds the socket and accepts nothing. A worker starts its application, reports that through a socket
pair, and waits for the word to begin, which all of them get once all are ready: until then a connection is refused, as
with one process that is still starting. A worker that starts later begins at once. A worker whose first process is gone
ends, so that none is left behind.

Policy: ADR-0056
"""

import asyncio
import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.asgi.server import GRACE, bind
from shared.errors import SuiteError
from shared.telemetry import MULTIPROCESS_DIRECTORY, forget_process

_READY, _BEGIN = b"r", b"b"
_END_LIMIT = GRACE + 5  # seconds until a worker that does not end is killed
_SLOWEST_RETRY = 30.0  # seconds

_log = logging.getLogger("workers")


class WorkersFailed(SuiteError):
    """A worker ended before all were ready; its own line says why."""


@dataclass(frozen=True)
class Post:
    """What a worker inherits: the bound socket and its end of the pair, as file descriptors."""

    listener: int
    control: int

    @classmethod
    def read(cls, text: str) -> "Post":
        """Return what `argument` spelled."""
        listener, control = map(int, text.split(","))
        return cls(listener, control)

    def argument(self) -> str:
        """Return it as a command's argument."""
        return f"{self.listener},{self.control}"

    def socket(self) -> socket.socket:
        """Return the bound socket."""
        return socket.socket(fileno=self.listener)

    async def may_begin(self) -> bool:
        """Report that the application has started, and wait for the word; False if the first process is gone.

        From then on its end is noticed: this process gets a SIGTERM of its own.
        """
        control, loop = socket.socket(fileno=self.control), asyncio.get_running_loop()
        control.setblocking(False)
        await loop.sock_sendall(control, _READY)
        if await loop.sock_recv(control, 1) != _BEGIN:
            return False

        def hung_up() -> None:
            loop.remove_reader(control)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(control, hung_up)
        return True


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    control: socket.socket
    started_at: float
    ready: bool = False


@dataclass
class Workers:
    """The workers of one service; `command` starts one, with its post behind it."""

    command: list[str]
    count: int
    host: str
    port: int
    _running: list[_Worker] = field(default_factory=list)
    _metrics: str = ""
    _serving: bool = False
    _ending: bool = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises:
            ConfigurationError: the address cannot be bound.
            WorkersFailed: a worker ended before all of them were ready.
        """
        with (
            tempfile.TemporaryDirectory(prefix="workers-") as metrics,
            bind(self.host, self.port) as listener,
            _signals() as wake,
        ):
            self._metrics = metrics
            environment = {**os.environ, MULTIPROCESS_DIRECTORY: metrics}  # noqa: TID251 - handed on to the workers
            try:
                for _ in range(self.count):
                    self._start(listener, environment)
                self._until_all_are_ready(wake)
                self._watch(listener, environment, wake)
            finally:
                listener.close()
                self._end_all()

    def _start(self, listener: socket.socket, environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            post = Post(listener.fileno(), theirs.fileno())
            process = subprocess.Popen(  # noqa: S603 - this very program
                [*self.command, post.argument()],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(post.listener, post.control),
                start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the others
            )
        self._running.append(_Worker(process, ours, time.monotonic()))

    def _until_all_are_ready(self, wake: socket.socket) -> None:
        while not self._ending and not all(worker.ready for worker in self._running):
            self._listen(wake)
            for worker in self._running:
                if (code := worker.process.poll()) is not None:
                    raise WorkersFailed(f"a worker ended with exit code {code} while it started")
        self._serving = True
        for worker in self._running:
            _begin(worker)
        _log.info("%s workers are ready", self.count)

    def _watch(self, listener: socket.socket, environment: dict[str, str], wake: socket.socket) -> None:
        delay, due = 0.0, 0.0
        while not self._ending:
            self._listen(wake)
            for worker in [worker for worker in self._running if worker.process.poll() is not None]:
                _log.error("worker %s ended with exit code %s", worker.process.pid, worker.process.returncode)
                self._forget(worker)
                soon = time.monotonic() - worker.started_at < _SLOWEST_RETRY
                delay = min(max(delay * 2, 1.0), _SLOWEST_RETRY) if soon else 0.0
                due = time.monotonic() + delay
            if len(self._running) < self.count and time.monotonic() >= due and not self._ending:
                self._start(listener, environment)

    def _listen(self, wake: socket.socket) -> None:
        """Wait a little for a signal or a word; a worker that becomes ready while others serve begins at once."""
        with selectors.DefaultSelector() as selector:
            selector.register(wake, selectors.EVENT_READ)
            for worker in self._running:
                if not worker.ready:
                    selector.register(worker.control, selectors.EVENT_READ, worker)
            for key, _ in selector.select(timeout=0.2):
                if key.data is None:
                    self._ending = True
                elif key.data.control.recv(1) == _READY:
                    key.data.ready = True
                    if self._serving:
                        _begin(key.data)

    def _end_all(self) -> None:
        for worker in self._running:
            worker.process.terminate()
        limit = time.monotonic() + _END_LIMIT
        for worker in list(self._running):
            try:
                worker.process.wait(max(0.0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.error("worker %s does not end and is killed", worker.process.pid)
                worker.process.kill()
                worker.process.wait()
            self._forget(worker)

    def _forget(self, worker: _Worker) -> None:
        self._running.remove(worker)
        worker.control.close()
        forget_process(worker.process.pid, self._metrics)


def _begin(worker: _Worker) -> None:
    with contextlib.suppress(OSError):  # it has ended since
        worker.control.sendall(_BEGIN)


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """Yield a socket that SIGTERM and SIGINT make readable."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    earlier = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(earlier)
        for number, handler in before.items():
            signal.signal(number, handler)
        reading.close()
        writing.close()
