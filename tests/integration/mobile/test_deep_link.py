"""What reaches the login's own socket, and what happens to it."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from mobile.deep_link import DeepLinkReceiver, deliver, socket_path
from mobile.errors import MobileError, SignInRefused

GOOD = "myapp://callback?state=right"
PATIENCE = timedelta(seconds=60)


def accept(link: str) -> bool:
    return link == GOOD


def knock(directory: Path, said: bytes) -> None:
    """Connect, say something and hang up without waiting for an answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(socket_path(GOOD, directory)))
        connection.sendall(said)


@pytest.mark.parametrize("noise", [b"", b"\n", b"\xff\xfe\n", b"myapp://callback?state=wrong\n", b"x" * 20_000])
def test_noise_is_ignored_and_the_awaited_link_is_taken(tmp_path: Path, noise: bytes) -> None:
    with ThreadPoolExecutor(1) as pool, DeepLinkReceiver("myapp://callback", tmp_path, accept) as receiver:
        waiting = pool.submit(receiver.wait, PATIENCE)
        knock(tmp_path, noise)
        assert deliver(GOOD, tmp_path)

        assert waiting.result() == GOOD


def test_deliverer_that_hangs_up_has_delivered_all_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool, DeepLinkReceiver("myapp://callback", tmp_path, accept) as receiver:
        waiting = pool.submit(receiver.wait, PATIENCE)
        knock(tmp_path, GOOD.encode() + b"\n")

        assert waiting.result() == GOOD


def test_socket_is_its_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    directory = tmp_path / "app"
    with DeepLinkReceiver("myapp://callback", directory, accept):
        assert directory.stat().st_mode & 0o077 == 0
        assert socket_path(GOOD, directory).stat().st_mode & 0o077 == 0
    assert not socket_path(GOOD, directory).exists()
    assert not deliver(GOOD, directory)


def test_nobody_came_in_time(tmp_path: Path) -> None:
    with DeepLinkReceiver("myapp://callback", tmp_path, accept) as receiver, pytest.raises(SignInRefused):
        receiver.wait(timedelta(0))


@pytest.mark.parametrize("link", ["", "http://[", "\udcff://x", "other://callback", "../../x"])
def test_link_that_is_none_is_delivered_to_nobody(tmp_path: Path, link: str) -> None:
    assert not deliver(link, tmp_path)


def test_place_that_takes_no_socket_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MobileError, match="cannot wait"):
        DeepLinkReceiver("myapp://callback", tmp_path / "file", accept)
    with pytest.raises(MobileError, match="cannot wait"):
        DeepLinkReceiver("myapp://callback", tmp_path / ("long" * 30), accept)
