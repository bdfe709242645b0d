"""One POST to a client's back channel, from a server that trusts neither the name nor the answer.

Spec: OpenID Connect Back-Channel Logout s2.5 and s2.8, RFC 9112 s2 and s4, RFC 9325 s3.1; Policy: ADR-0021
The name is resolved once, every address is checked, and the connection goes to a checked one, so that a name which
changes its mind in between leads nowhere. TLS 1.2 or newer with the name's certificate. No redirect is followed, no
proxy asked, 4 KB read, five seconds spent. Plain streams: an HTTP client would resolve, pool and follow by itself.
"""

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlencode, urlsplit

from services.auth.logout.back_channel.addresses import Address, Network, may_be_reached

#: What one delivery may take, from the name to the answer.
TIMEOUT = timedelta(seconds=5)
#: Bytes of an answer that are read.
READ_LIMIT = 4096

Resolve = Callable[[str, int], Awaitable[list[Address]]]

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")


class NotDelivered(Exception):
    """The token may not have arrived; the message says why, and holds nothing that the client sent."""


async def resolve(host: str, port: int) -> list[Address]:
    """Return every address of a name, as this machine resolves it.

    Raises:
        OSError: there is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1, proto=6)  # a TCP stream
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Poster:
    """Posts logout tokens. `loopback`: local mode, where plain http and this machine are fine."""

    allowed: Sequence[Network]
    loopback: bool
    trust: ssl.SSLContext
    resolve: Resolve = resolve
    timeout: timedelta = field(default=TIMEOUT)

    async def post(self, uri: str, logout_token: str) -> int:
        """Post the token and return the status of the answer.

        Raises:
            NotDelivered: no address may be reached, none answers, or the answer is not HTTP.
        """
        parts = urlsplit(uri)
        if parts.hostname is None or parts.scheme not in ({"https", "http"} if self.loopback else {"https"}):
            raise NotDelivered("the address is not an https URL")
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                return await self._post(parts, parts.hostname, _request(parts, logout_token))
        except TimeoutError as error:
            raise NotDelivered("no answer in time") from error
        except ssl.SSLError as error:
            raise NotDelivered(f"TLS failed: {error.reason or 'no reason given'}") from error
        except (OSError, EOFError, UnicodeError, ValueError) as error:
            raise NotDelivered(f"no connection: {type(error).__name__}") from error

    async def _post(self, parts: SplitResult, host: str, request: bytes) -> int:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await self.resolve(host, port)
        for address in addresses:
            if not may_be_reached(address, allowed=self.allowed, loopback=self.loopback):
                raise NotDelivered("the name leads to an address that may not be reached")
        reader, writer = await self._connect(addresses, port, host if parts.scheme == "https" else None)
        try:
            writer.write(request)
            await writer.drain()
            return await _read_status(reader)
        finally:
            writer.transport.abort()  # nothing more is wanted of the answer

    async def _connect(
        self, addresses: list[Address], port: int, name: str | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first address that accepts; `name` is the one that its certificate must have."""
        tls = None if name is None else self.trust
        failure: OSError = OSError("no address")
        for address in addresses:
            try:
                return await asyncio.open_connection(
                    str(address), port, limit=READ_LIMIT, ssl=tls, server_hostname=name
                )
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
        raise failure


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return what servers are trusted by: the system's authorities, and those of `ca_file`.

    Raises:
        OSError: the file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _request(parts: SplitResult, logout_token: str) -> bytes:
    body = urlencode({"logout_token": logout_token})
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        "Accept: application/json",
        "Connection: close",
        "",
        body,
    ]
    if any("\r" in line or "\n" in line for line in lines):
        raise NotDelivered("the address holds a line break")
    return "\r\n".join(lines).encode("ascii")


async def _read_status(reader: asyncio.StreamReader) -> int:
    """Return the status of the first answer that is final, within the bytes that are read."""
    received = b""
    while chunk := await reader.read(READ_LIMIT - len(received)):
        received += chunk
        if (status := _final_status(received)) is not None:
            return status
        if len(received) >= READ_LIMIT:
            break
    raise NotDelivered("the answer is not HTTP")


def _final_status(received: bytes) -> int | None:
    """Return the status, None when it has not come yet; answers of 1xx (100, 103) come before the final one."""
    while (found := _STATUS_LINE.match(received)) and found[1].startswith(b"1"):
        _, _, received = received.partition(b"\r\n\r\n")
    return int(found[1]) if found else None
