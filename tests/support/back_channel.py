"""A client's back channel, as bad as a test wants it: what it was posted, over TLS of an authority of its own."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

from shared.certificates import issue_authority, issue_certificate, new_key
from shared.clock import Clock

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class BackChannel:
    """Listens on `host`; `answer` is what it says, None: nothing, ever. `certificate`: PEM of certificate and key."""

    host: str = "127.0.0.1"
    answer: bytes | None = OK
    certificate: Path | None = None
    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    posted: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    @property
    def tokens(self) -> list[str]:
        """The logout tokens that came."""
        return [parse_qs(body)["logout_token"][0] for body in self.bodies]

    async def __aenter__(self) -> Self:
        tls = None
        if self.certificate is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(self.certificate)
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
            self.bodies.append((await reader.readexactly(length)).decode())
            self.heads.append(head)
            self.posted.set()
            if self.answer is None:
                await reader.read()  # until the caller has had enough
            else:
                writer.write(self.answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def make_certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """Write an authority, and a certificate of it for `name` with its key; return both files."""
    authority_key, key, now = new_key(), new_key(), Clock().now()
    authority = issue_authority(authority_key, name, now)
    ca_file, certificate = directory / f"{name}.ca.crt", directory / f"{name}.pem"
    ca_file.write_bytes(authority)
    certificate.write_bytes(issue_certificate(authority, authority_key, key, [name], now) + key)
    return ca_file, certificate
