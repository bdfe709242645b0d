"""What the app says when TLS does not prove who answers: over real sockets, with real certificates."""

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from mobile.errors import Offline, UntrustedServer
from mobile.network import send
from shared.clock import Clock
from tests.integration.mobile.scripted_provider import rsa_key

DAY = timedelta(days=1)
Serve = Callable[..., tuple[int, Path]]


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Keep the test's output clean."""


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_args: object) -> None:
        """A failed handshake is what these tests are about."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve https on a loopback port with a certificate of its own; return the port and the certificate's file."""
    servers: list[Quiet] = []

    def _serve(name: x509.GeneralName, begins: timedelta, ends: timedelta) -> tuple[int, Path]:
        now, key = Clock().now(), rsa_key("tls")
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        file, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, private)
        servers.append(_started(context))
        return servers[-1].server_port, file

    yield _serve
    for server in servers:
        server.shutdown()
        server.server_close()


def _started(context: ssl.SSLContext | None) -> Quiet:
    server = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


def ask(url: str, authorities: Path | None = None) -> httpx2.Response:
    context = ssl.create_default_context(cafile=authorities)
    with httpx2.Client(verify=context, trust_env=False) as http:
        return send(http, http.build_request("GET", url))


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def test_unknown_authority_is_told_with_the_option_that_names_it(serve: Serve) -> None:
    port, _ = serve(LOOPBACK, -DAY, DAY)

    with pytest.raises(UntrustedServer, match=r"not trusted here.*--ca-file FILE") as refused:
        ask(f"https://127.0.0.1:{port}/")
    assert "cannot be reached" not in str(refused.value)


@pytest.mark.parametrize(("begins", "ends"), [(-3 * DAY, -DAY), (DAY, 3 * DAY)])
def test_certificate_that_is_not_valid_now_asks_for_the_clock(serve: Serve, begins: timedelta, ends: timedelta) -> None:
    port, file = serve(LOOPBACK, begins, ends)

    with pytest.raises(UntrustedServer, match="this device's clock"):
        ask(f"https://127.0.0.1:{port}/", file)


@pytest.mark.parametrize("name", [x509.DNSName("other.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))])
def test_certificate_for_another_name_is_told(serve: Serve, name: x509.GeneralName) -> None:
    port, file = serve(name, -DAY, DAY)

    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(UntrustedServer, match="another name"):
            ask(f"https://{host}:{port}/", file)


def test_https_asked_of_an_http_server_is_told() -> None:
    server = _started(None)
    try:
        with pytest.raises(UntrustedServer, match="http, not https"):
            ask(f"https://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        server.server_close()


def test_http_asked_of_an_https_server_is_told(serve: Serve) -> None:
    port, _ = serve(LOOPBACK, -DAY, DAY)

    with pytest.raises(Offline, match=r"https \(TLS=1\)"):
        ask(f"http://127.0.0.1:{port}/")


def test_nobody_there_is_offline() -> None:
    server = _started(None)
    server.shutdown()
    server.server_close()

    with pytest.raises(Offline, match="cannot be reached"):
        ask(f"http://127.0.0.1:{server.server_port}/")
