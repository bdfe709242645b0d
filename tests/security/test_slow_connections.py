"""Callers that hold a connection and send or read as slowly as they like: a real socket, with short deadlines."""

import contextlib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_ports

ROOT = Path(__file__).parents[2]
CAP, DEADLINE = 6, 1.0
#: From a deadline to the next look at it, and what a busy machine adds.
SLACK = 3.0
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"

_SERVER = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from shared.asgi import ConnectionLimits, ServerOptions, serve

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(3)
    body = b"x" * 20_000_000 if scope["path"] == "/big" else str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

second = timedelta(seconds=1)
port, cap, *files = sys.argv[1:]
certificate, key = map(Path, files) if files else (None, None)
limits = ConnectionLimits(second, second, second, int(cap))
serve(app, ServerOptions("127.0.0.1", int(port), certificate, key, limits))
"""

Open = Callable[[], socket.socket]


@contextmanager
def _serving(*files: Path) -> Iterator[Open]:
    (port,) = free_ports(1)
    command = [sys.executable, "-c", _SERVER, str(port), str(CAP), *map(str, files)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL) as process:

        def connection() -> socket.socket:
            return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE + SLACK)

        try:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                with contextlib.suppress(OSError), connection():
                    break
                time.sleep(0.05)  # noqa: TID251 - a process starts in its own time
            yield connection
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def server() -> Iterator[Open]:
    with _serving() as connection:
        yield connection


def _drip(connection: socket.socket, text: bytes, *, pause: float = 0.2) -> bytes:
    """Send a byte at a time until the other side answers or hangs up; return what came. Fails if it bears all."""
    connection.settimeout(pause)
    for number in range(int((DEADLINE + SLACK) / pause)):
        with contextlib.suppress(TimeoutError):
            return _rest(connection)
        connection.sendall(text[number : number + 1])
    pytest.fail("it was borne to the end")


def _rest(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            received += part
            connection.settimeout(DEADLINE + SLACK)
    return received


def _answer(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    received = b""
    while not received.partition(b"\r\n\r\n")[2]:  # all its answers have a body of one byte
        part = connection.recv(65_536)
        if not part:
            break
        received += part
    return received


def test_a_connection_without_a_word_is_closed(server: Open) -> None:
    with server() as connection:
        assert _rest(connection) == b""


def test_a_header_a_byte_at_a_time_is_408(server: Open) -> None:
    with server() as connection:
        assert _drip(connection, b"GET / HTTP/1.1\r\nX-A: bbbbbbbbbbbbbbbbbbbbbb").startswith(b"HTTP/1.1 408 ")


def test_a_further_header_a_byte_at_a_time_is_408(server: Open) -> None:
    with server() as connection:
        assert _answer(connection, GET).startswith(b"HTTP/1.1 200 ")
        assert _drip(connection, b"GET / HTTP/1.1\r\nX-A: bbbbbbbbbbbbbbbbbbbbbb").startswith(b"HTTP/1.1 408 ")


def test_a_header_without_end_is_refused_and_not_kept(server: Open) -> None:
    with server() as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.1\r\nX-A: " + b"b" * 1_000_000)
        assert _rest(connection).startswith(b"HTTP/1.1 431 ") or not _rest(connection)


COSTLY = {
    "a long cookie": b"GET / HTTP/1.1\r\nCookie: " + b"\\" * 33_000,
    "many long fields": b"GET / HTTP/1.1" + b"\r\nX-A: bbbbbbbbb" * 2500,
    "many short fields": b"GET / HTTP/1.1" + b"\r\na:" * 5000,
    "101 fields": b"GET / HTTP/1.1" + b"\r\na:" * 100,
    "an empty cookie, many times": b"GET / HTTP/1.1\r\nCookie: " + b";" * 30_000,
    "a path of escapes": b"GET /" + b"%41" * 10_000 + b" HTTP/1.1",
    "a path of broken escapes": b"GET /" + b"%" * 30_000 + b" HTTP/1.1",
    "a long path": b"GET /" + b"a" * 2048 + b" HTTP/1.1",
    "101 parameters": b"GET /?" + b"&".join([b"a=1"] * 101) + b" HTTP/1.1",
    "a query of escapes": b"GET /?a=" + b"%41" * 10_000 + b" HTTP/1.1",
}


@pytest.mark.parametrize("costly", COSTLY.values(), ids=COSTLY)
def test_a_header_that_takes_long_to_read_never_reaches_the_service(server: Open, costly: bytes) -> None:
    """Tried: 63 kB of them took 10 to 35 ms of the event loop, before anything was known of the caller."""
    with server() as connection:
        assert _answer(connection, costly + b"\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 431 ")


LARGEST = {
    "fields": b"GET / HTTP/1.1" + b"\r\na: b" * 99,
    "path": b"GET /" + b"a" * 2047 + b" HTTP/1.1",
    "query": b"GET /?a=" + b"%e2%82%ac" * 1300 + b" HTTP/1.1",
    "parameters": b"GET /?" + b"&".join([b"a=1"] * 100) + b" HTTP/1.1",
    "cookies": b"GET / HTTP/1.1\r\nCookie: " + b"; ".join([b"name=a value of somebody else"] * 180),
    "token and proof": b"GET / HTTP/1.1\r\nAuthorization: Bearer " + b"x" * 16_384 + b"\r\nDPoP: " + b"x" * 8192,
}


@pytest.mark.parametrize("sent", LARGEST.values(), ids=LARGEST)
def test_the_largest_header_that_a_program_sends_is_read(server: Open, sent: bytes) -> None:
    with server() as connection:
        assert _answer(connection, sent + b"\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_long_body_in_one_piece_with_its_header_is_no_long_header(server: Open) -> None:
    with server() as connection:
        for _ in range(2):
            assert _answer(connection, POST % 200_000 + b"x" * 200_000).startswith(b"HTTP/1.1 200 ")


def test_a_body_a_byte_at_a_time_is_408(server: Open) -> None:
    with server() as connection:
        connection.sendall(POST % 100)
        assert _drip(connection, b"x" * 100).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_is_still_sent_after_its_answer_is_cut(server: Open) -> None:
    with server() as connection:
        assert _answer(connection, (POST % 100).replace(b"/ ", b"/early ", 1)).startswith(b"HTTP/1.1 200 ")
        assert _drip(connection, b"x" * 100) == b""


def test_an_answer_that_nobody_reads_is_given_up(server: Open) -> None:
    with server() as connection:
        connection.sendall(GET.replace(b"/ ", b"/big ", 1))
        time.sleep(DEADLINE + SLACK)  # noqa: TID251 - the attack itself
        assert len(_rest(connection)) < 20_000_000


def test_an_idle_connection_lives_as_long_as_the_setting_says(server: Open) -> None:
    with server() as connection:
        assert _answer(connection, GET).startswith(b"HTTP/1.1 200 ")
        time.sleep(DEADLINE / 2)  # noqa: TID251 - a person who reads
        assert _answer(connection, GET).startswith(b"HTTP/1.1 200 ")
        started = time.monotonic()
        assert _rest(connection) == b""
        assert time.monotonic() - started > DEADLINE / 2


def test_a_large_body_that_keeps_coming_is_taken(server: Open) -> None:
    with server() as connection:
        connection.sendall(POST % (4 * 70_000))
        for _ in range(4):
            time.sleep(0.5 * DEADLINE)  # noqa: TID251 - a slow line
            connection.sendall(b"x" * 70_000)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_a_service_that_is_slow_itself_is_waited_for(server: Open) -> None:
    with server() as connection:
        assert _answer(connection, GET.replace(b"/ ", b"/slow ", 1)).startswith(b"HTTP/1.1 200 ")


def test_silent_connections_keep_nobody_out(server: Open) -> None:
    with contextlib.ExitStack() as crowd:
        for _ in range(3 * CAP):
            crowd.enter_context(server())
        with server() as connection:
            assert _answer(connection, GET).startswith(b"HTTP/1.1 200 ")


def test_past_the_cap_of_busy_connections_one_is_told_to_come_back(server: Open) -> None:
    with contextlib.ExitStack() as crowd:
        busy = [crowd.enter_context(server()) for _ in range(CAP)]
        for connection in busy:
            connection.sendall(GET.replace(b"/ ", b"/slow ", 1))
        time.sleep(0.3)  # noqa: TID251 - until the server has read them
        with server() as late:
            refusal = _rest(late)
        assert refusal.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1" in refusal
        assert all(connection.recv(65_536).startswith(b"HTTP/1.1 200 ") for connection in busy)


def test_half_a_tls_handshake_is_closed(tmp_path: Path) -> None:
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    with _serving(certificate, key) as server:
        with server() as connection:
            connection.sendall(b"\x16\x03\x01")
            assert _rest(connection) == b""
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        with context.wrap_socket(server(), server_hostname="localhost") as connection:
            connection.sendall(GET)
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
