"""The server of one service: uvicorn on a bound socket, with deadlines, a cap, and an end that loses no request."""

import asyncio
import contextlib
import functools
import gc
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from shared.asgi.connection import Connection, ConnectionLimits
from shared.errors import ConfigurationError

#: Seconds in which a connection that was accepted before the end may still send its request.
_LAST_WORD = 0.25
#: Seconds that requests in flight have to finish; then they are cancelled.
GRACE = 20
_LOOK_EVERY = 5  # ticks of a tenth of a second, for connections that are late


@dataclass(frozen=True)
class ServerOptions:
    """Where to listen, with which certificate (files of PEM, both or neither), and what a connection may do."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)


async def _at_once() -> bool:
    """Serve as soon as the application has started."""
    return True


def serve(
    app: ASGIApp,
    options: ServerOptions,
    *,
    listener: socket.socket | None = None,
    may_begin: Callable[[], Awaitable[bool]] = _at_once,
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished.

    `listener` is a bound socket to use instead of one of its own. `may_begin` is awaited when the application has
    started, before the first connection is accepted; False ends the server.

    Raises:
        ConfigurationError: the address cannot be bound (it names the port).
    """
    config = uvicorn.Config(
        app,
        log_config=None,  # ours is in place
        access_log=False,  # `Edge` logs without the query
        server_header=False,
        proxy_headers=False,  # nothing here believes a forwarding header
        ws="none",
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=int(options.limits.keep_alive.total_seconds()),
        ssl_certfile=str(options.certificate) if options.certificate else None,
        ssl_keyfile=str(options.key) if options.key else None,
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn passes Ctrl-C on once it has finished
        _Server(config, options.limits, may_begin).run(sockets=[listener or bind(options.host, options.port)])


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, which accepts nothing yet.

    Raises:
        ConfigurationError: the address cannot be bound (it names the port).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"port {port} on {host} cannot be used: {error.strerror}") from error
    listener.set_inheritable(True)
    return listener


def _set_collector() -> None:
    """Leave what the start has made out of every later garbage collection, and collect less often.

    Nearly everything that a request makes is freed by its reference count; circles are looked for after 10,000 objects,
    not 700.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


class _Server(uvicorn.Server):
    """uvicorn, with `Connection`, and a last word for connections that it has not read from yet.

    uvicorn closes those at the end; behind a proxy each of them is a request.
    """

    def __init__(
        self, config: uvicorn.Config, limits: ConnectionLimits, may_begin: Callable[[], Awaitable[bool]]
    ) -> None:
        super().__init__(config)
        self._limits = limits
        self._may_begin = may_begin

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept connections."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        self.servers = []
        self.started = True
        if not await self._may_begin():
            self.should_exit = True
            return
        make = functools.partial(
            Connection, self._limits, self.server_state, config=self.config, app_state=self.lifespan.state
        )
        handshake = self._limits.header.total_seconds() if self.config.ssl else None
        for listener in sockets or []:
            server = await asyncio.get_running_loop().create_server(
                make, sock=listener, ssl=self.config.ssl, backlog=self.config.backlog, ssl_handshake_timeout=handshake
            )
            self.servers.append(server)
        _set_collector()

    async def on_tick(self, counter: int) -> bool:
        """Close the connections that are late, beside what uvicorn does ten times a second."""
        if counter % _LOOK_EVERY == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.close_if_late(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, hear out who is there, then finish."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await asyncio.sleep(_LAST_WORD)
        await super().shutdown(sockets)
