"""Receives a deep link such as `myapp://callback?...` on Linux.

The desktop starts a program for each link (`python -m mobile deliver URL`), which hands the link to the waiting login
over a socket that only this user can reach. Anybody can start that program with any link, so the login takes only one
that answers its own request.
Spec: RFC 8252 s7.1, the freedesktop Desktop Entry Specification 1.5
"""

import contextlib
import errno
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from mobile.errors import MobileError, SignInRefused

_LONGEST = 8_192


class DeepLinkReceiver:
    """Waits from construction to `close` for one link that `accept` takes; others are ignored."""

    def __init__(self, redirect_uri: str, directory: Path, accept: Callable[[str], bool]) -> None:
        """Listen for links of the scheme of `redirect_uri`.

        Raises:
            MobileError: another login waits for that scheme, or the socket cannot be made.
        """
        self.redirect_uri = redirect_uri
        self._accept = accept
        self._path = socket_path(redirect_uri, directory)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _somebody_listens(self._path):
                raise FileExistsError(errno.EADDRINUSE, "another login waits for it")
            self._path.unlink(missing_ok=True)  # left by a login that was killed
            self._listener.bind(str(self._path))
            self._path.chmod(0o600)
            self._listener.listen()
        except OSError as error:
            self._listener.close()
            raise MobileError(
                f"cannot wait for {redirect_uri}: {error.strerror or error}; "
                "end the other login, or use --redirect-uri http://127.0.0.1/callback"
            ) from error

    def wait(self, patience: timedelta) -> str:
        """Return the link.

        Raises:
            SignInRefused: it did not come in time.
        """
        deadline = time.monotonic() + patience.total_seconds()
        while (left := deadline - time.monotonic()) > 0:
            self._listener.settimeout(left)
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                if (link := self._receive(connection)) is not None:
                    return link
        raise SignInRefused("nobody finished the sign-in in time; sign in again")

    def _receive(self, connection: socket.socket) -> str | None:
        """Return the link that a deliverer hands over; None if this login does not wait for it."""
        accepted = None
        with contextlib.suppress(OSError), connection, connection.makefile("rwb") as stream:
            connection.settimeout(5)
            link = stream.readline(_LONGEST).decode(errors="replace").strip()
            accepted = link if self._accept(link) else None
            stream.write(b"accepted\n" if accepted else b"ignored\n")  # a deliverer that hangs up has delivered, too
        return accepted

    def close(self) -> None:
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def deliver(link: str, directory: Path) -> bool:
    """Hand `link` to the login that waits for its scheme; return whether one did and took it."""
    try:
        with _connected(socket_path(link, directory)) as connection:
            connection.sendall(link.encode()[: _LONGEST - 1] + b"\n")
            with connection.makefile("rb") as answer:
                return answer.readline() == b"accepted\n"
    except (OSError, ValueError):  # no login waits, or it is not a URL
        return False


def socket_path(link: str, directory: Path) -> Path:
    """Return where a login waits for links of the scheme of `link`."""
    return directory / f"{urlsplit(link).scheme or 'none'}.socket"


def register_handler(redirect_uri: str, applications: Path) -> Path:
    """Write the .desktop file that makes this program the handler of the scheme, and return its path.

    The caller has to tell the desktop of it: `xdg-mime default <name> x-scheme-handler/<scheme>`.

    Raises:
        MobileError: the file cannot be written.
    """
    scheme = urlsplit(redirect_uri).scheme
    file = applications / f"company-sso-{scheme}.desktop"
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Name=Company Mobile",
        "NoDisplay=true",
        f"MimeType=x-scheme-handler/{scheme};",
        f"Path={Path(__file__).resolve().parent.parent}",
        f'Exec="{sys.executable}" -m mobile deliver %u',
    ]
    try:
        applications.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise MobileError(f"{file} cannot be written: {error.strerror}; set HOME to a directory of yours") from error
    return file


def _somebody_listens(path: Path) -> bool:
    try:
        with _connected(path):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        yield connection
