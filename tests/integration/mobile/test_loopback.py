"""RFC 8252 s7.3 and s8.3, over a real socket."""

import socket
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
import pytest

from mobile.errors import MobileError, SignInRefused
from mobile.loopback import LoopbackReceiver

NOW = timedelta(0)
#: The redirect is handed on only after its page was sent.
SOON = timedelta(seconds=30)


def accept(url: str) -> bool:
    return "state=right" in url


def ask(receiver: LoopbackReceiver, target: str, method: str = "GET", **headers: str) -> httpx2.Response:
    parts = urlsplit(receiver.redirect_uri)
    return httpx2.request(method, f"http://{parts.netloc}{target}", headers=headers, trust_env=False)


def test_redirect_is_received_once_and_the_page_says_goodbye() -> None:
    with LoopbackReceiver("http://127.0.0.1/callback", accept) as receiver:
        assert receiver.redirect_uri.startswith("http://127.0.0.1:")
        answer = ask(receiver, "/callback?state=right&code=1")

        assert answer.status_code == 200
        assert "You may close this window" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "Python" not in answer.headers["server"]
        assert receiver.wait(SOON) == f"{receiver.redirect_uri}?state=right&code=1"
        assert ask(receiver, "/callback?state=right&code=1").status_code == 404


@pytest.mark.requirement("RFC9700-4.11.1")
@pytest.mark.parametrize(
    "target", ["/", "/favicon.ico", "/callback", "/callback/?state=right", "/callback?state=wrong", "/x?state=right"]
)
def test_anything_else_is_404_and_it_goes_on_waiting(target: str) -> None:
    with LoopbackReceiver("http://127.0.0.1/callback", accept) as receiver:
        answer = ask(receiver, target)
        assert (answer.status_code, answer.text) == (404, "")
        with pytest.raises(SignInRefused, match="in time"):
            receiver.wait(NOW)

        assert ask(receiver, "/callback?state=right").status_code == 200
        assert receiver.wait(SOON)


def test_page_that_rebinds_its_name_to_loopback_is_refused() -> None:
    with LoopbackReceiver("http://127.0.0.1/callback", accept) as receiver:
        assert ask(receiver, "/callback?state=right", Host="evil.example").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_only_get_is_answered(method: str) -> None:
    with LoopbackReceiver("http://127.0.0.1/callback", accept) as receiver:
        assert ask(receiver, "/callback?state=right", method).status_code == 501
        with pytest.raises(SignInRefused):
            receiver.wait(NOW)


def test_silent_connections_and_noise_do_not_keep_the_redirect_out(capfd: pytest.CaptureFixture[str]) -> None:
    with LoopbackReceiver("http://127.0.0.1/callback", accept) as receiver:
        port = urlsplit(receiver.redirect_uri).port or 0
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as noise:
            noise.sendall(b"\x16\x03\x01 not http\r\n\r\n")
            assert ask(receiver, "/callback?state=right").status_code == 200
            assert receiver.wait(SOON)

    assert capfd.readouterr() == ("", "")


def test_it_listens_on_loopback_alone_and_stops_with_the_block() -> None:
    with LoopbackReceiver("http://127.0.0.1/callback", accept) as receiver:
        port = urlsplit(receiver.redirect_uri).port or 0
        assert receiver._server.server_address[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_port_that_is_taken_is_an_error() -> None:
    with LoopbackReceiver("http://127.0.0.1/callback", accept) as receiver, pytest.raises(MobileError, match="listen"):
        LoopbackReceiver(receiver.redirect_uri, accept)
