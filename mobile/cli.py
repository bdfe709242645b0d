"""The app on a command line: python -m mobile.

Results go to standard output, messages to standard error, tokens to neither.
Exit codes: 0 ok, 1 API or provider error, 2 usage, 3 sign-in required, 4 offline (tokens kept).
Policy: ADR-0055
"""

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from mobile.api_answer import read_answer
from mobile.authorization import Registration, printable
from mobile.challenge import Challenge, StepUp
from mobile.client import MobileClient
from mobile.deep_link import DeepLinkReceiver, deliver, register_handler
from mobile.errors import ApiError, MobileError, Offline, SignInRefused, SignInRequired, StoreError
from mobile.keychain import KeyringStore
from mobile.loopback import LoopbackReceiver
from mobile.network import origin
from mobile.options import parse
from mobile.store import FileStore, TokenStore
from mobile.tokens import Tokens
from shared.clock import Clock

#: A list with more pages than this does not end.
_MOST_PAGES = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter of a name shows "?" instead
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    options = parse(arguments)
    try:
        return _COMMANDS[options.command](options)
    except SignInRequired as error:
        return _say(error, 3)
    except Offline as error:
        return _say(error, 4)
    except MobileError as error:
        return _say(error, 1)
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return 141


@contextmanager
def _client(options: argparse.Namespace) -> Iterator[MobileClient]:
    registration = Registration(options.issuer, options.client_id, options.redirect_uri, bind=options.bind)
    store = _store(registration, options)
    # nothing on this machine is asked through a proxy
    direct: dict[str, httpx2.BaseTransport | None] = {
        f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")
    }
    try:
        connection = httpx2.Client(timeout=10, mounts=direct, verify=options.trusted)
    except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
        raise MobileError(f"a proxy setting or SSL_CERT_FILE in the environment cannot be used: {error}") from error
    with connection as http:
        client = MobileClient(registration, store, http, Clock(options.clock_file))
        try:
            yield client
        except SignInRequired:
            client.end_dropped()
            raise
        except Offline as error:
            if _signed_in(client):
                raise type(error)(f"{error} (your sign-in is kept)") from error
            raise
        client.end_dropped()


def _signed_in(client: MobileClient) -> bool:
    with suppress(StoreError):
        return client.tokens() is not None
    return False


def _store(registration: Registration, options: argparse.Namespace) -> TokenStore:
    """Return the store asked for; by default the file that holds the sign-in, else the keychain, else a file."""
    directory = options.store_path or _directory()
    digest = hashlib.sha256(f"{registration.client_id} {registration.issuer}".encode()).hexdigest()[:8]
    name = f"{re.sub(r'[^A-Za-z0-9._-]', '_', registration.client_id)[:64]}-{digest}.json"
    file: Path = options.store_path if options.store_path and not directory.is_dir() else directory / name
    if options.store == "file" or (options.store is None and file.is_file()):
        return FileStore(registration, file)
    try:
        return KeyringStore(registration, directory)
    except StoreError:
        if options.store == "keyring":
            raise
    _say(f"no protected keychain here: tokens are kept in {file}, which only you can read (as with --store file)")
    return FileStore(registration, file)


def _login(options: argparse.Namespace) -> int:
    with _client(options) as client:
        signed_in = _sign_in_elsewhere(options, client) if options.device else _sign_in(options, client)
        claims = signed_in.claims
        with suppress(MobileError):  # signed in either way; this is to greet by name
            claims = {**claims, **client.userinfo()}
    name = claims.get("name")
    greeting = f"signed in as {printable(name or claims['sub'])}"
    return _result(options, {"sub": claims["sub"], "name": name}, greeting)


def _sign_in(options: argparse.Namespace, client: MobileClient, step_up: StepUp | None = None) -> Tokens:
    with _receiver(client, options.redirect_uri) as receiver:
        url = client.begin_sign_in(receiver.redirect_uri, step_up=step_up)
        if options.no_browser:
            print(url, flush=True)
        else:
            _say(f"Opens your browser at {origin(url)} ...")
            if not _opened(url):
                _say(f"No browser could be opened; open this yourself:\n{url}")
        callback = receiver.wait(timedelta(seconds=options.timeout))
    return client.finish_sign_in(callback)


def _sign_in_elsewhere(options: argparse.Namespace, client: MobileClient) -> Tokens:
    """Sign in by a browser on another machine, and wait for it."""
    prompt = client.begin_device_sign_in()
    _say(f"open {prompt.address} in a browser and enter the code {prompt.user_code}, or open this address:")
    print(prompt.complete, flush=True)
    give_up = time.monotonic() + options.timeout
    while time.monotonic() < give_up:
        with suppress(Offline):  # the next question may be heard
            if (tokens := client.finish_device_sign_in(prompt)) is not None:
                return tokens
        threading.Event().wait(prompt.interval.total_seconds())
    raise SignInRefused("nobody answered in time; sign in again")


def _opened(url: str) -> bool:
    with suppress(webbrowser.Error, OSError, ValueError):  # what a malformed BROWSER brings
        return webbrowser.open(url)
    return False


def _receiver(client: MobileClient, redirect_uri: str) -> LoopbackReceiver | DeepLinkReceiver:
    if redirect_uri.startswith("http://"):
        return LoopbackReceiver(redirect_uri, client.expects)
    return DeepLinkReceiver(redirect_uri, _directory(), client.expects)


def _contacts(options: argparse.Namespace) -> int:
    contacts = _list(options, f"{options.crm}/api/contacts")
    lines = [_columns(item.get("name"), item.get("email"), item.get("phone"), item.get("id")) for item in contacts]
    return _result(options, {"items": contacts, "next_cursor": None}, *lines)


def _orders(options: argparse.Namespace) -> int:
    orders = _list(options, f"{options.orders}/api/orders")
    return _result(options, {"items": orders, "next_cursor": None}, *map(_order_line, orders))


def _move(options: argparse.Namespace) -> int:
    order, move = options.operands
    url = f"{options.orders}/api/orders/{uuid.UUID(order)}/{move}"
    with _client(options) as client:
        moved = read_answer(_request(options, client, "POST", url, headers={"Idempotency-Key": str(uuid.uuid4())}))
    return _result(options, moved, _order_line(moved))


def _whoami(options: argparse.Namespace) -> int:
    with _client(options) as client:
        claims = client.userinfo()
    return _result(options, claims, *(_columns(name, value) for name, value in claims.items()))


def _refresh(options: argparse.Namespace) -> int:
    with _client(options) as client:
        tokens = client.refresh()
    until = tokens.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return _result(options, {"expires_at": until, "scope": tokens.scope}, f"refreshed; good until {until}")


def _logout(options: argparse.Namespace) -> int:
    with _client(options) as client:
        revoked = client.sign_out()
    if not revoked:
        _say(f"{options.issuer} could not be told yet; the next command that reaches it (`logout` again, say) tells it")
    _say(f"your browser stays signed in at {options.issuer}")
    return _result(options, {"signed_out": True, "revoked": revoked}, "signed out")


def _deliver(options: argparse.Namespace) -> int:
    if deliver(options.operands[0], _directory()):
        return 0
    return _say("no login waits for this link; it was ignored", 1)


def _register(options: argparse.Namespace) -> int:
    scheme = urlsplit(options.redirect_uri).scheme
    file = register_handler(options.redirect_uri, _home() / ".local" / "share" / "applications")
    make_default = [shutil.which("xdg-mime") or "", "default", file.name, f"x-scheme-handler/{scheme}"]
    if not make_default[0] or subprocess.run(make_default, check=False).returncode:  # noqa: S603 - a fixed program
        _say(f"make it the default yourself: xdg-mime {' '.join(make_default[1:])}")
    return _result(options, {"file": str(file)}, f"{scheme}: links are delivered by {file}")


def _directory() -> Path:
    return _home() / ".local" / "share" / "company-sso"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise StoreError("this user has no home directory: set HOME, or name a file: --store-path FILE") from error


def _request(options: argparse.Namespace, client: MobileClient, method: str, url: str, **sent: Any) -> httpx2.Response:
    """Call an API; if it demands another sign-in, sign in that way, once, and call it again.

    Raises:
        SignInRefused: it demands the same again.
    """
    response = client.request(method, url, **sent)
    step_up = Challenge.read(response).step_up
    if step_up is None:
        return response
    _say(f"{origin(url)} asks you to sign in again for this, perhaps with a second factor")
    _sign_in(options, client, step_up)
    response = client.request(method, url, **sent)
    if Challenge.read(response).step_up:
        raise SignInRefused(
            f"{origin(url)} wants a stronger sign-in than this one was: your account needs a second factor"
        )
    return response


def _list(options: argparse.Namespace, url: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    with _client(options) as client:
        for _ in range(_MOST_PAGES):
            page = read_answer(_request(options, client, "GET", url, params={"cursor": cursor} if cursor else {}))
            found, cursor = page.get("items"), page.get("next_cursor")
            if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
                raise ApiError(f"{origin(url)} answers something that is not a list")
            items += found
            if not cursor:
                return items
    raise ApiError(f"{origin(url)} answers a list that does not end")


def _result(options: argparse.Namespace, document: dict[str, Any], *lines: str) -> int:
    print(json.dumps(document, indent=2) if options.json else "\n".join(lines), flush=True)
    return 0


def _order_line(order: dict[str, Any]) -> str:
    amount = f"{order.get('total_minor')} minor units"
    return _columns(order.get("status"), order.get("currency"), amount, order.get("id"))


def _columns(*values: object) -> str:
    return "  ".join("-" if value is None else printable(value, 200) for value in values)


def _say(message: object, code: int = 0) -> int:
    print(f"mobile: {message}", file=sys.stderr, flush=True)
    return code


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "login": _login,
    "contacts": _contacts,
    "orders": _orders,
    "move": _move,
    "whoami": _whoami,
    "refresh": _refresh,
    "logout": _logout,
    "register": _register,
    "deliver": _deliver,
}
