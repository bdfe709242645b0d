"""The app on a command line: python -m mobile.

Results go to standard output, messages to standard error, tokens to neither.
Exit codes: 0 ok, 1 API or provider error, 2 usage, 3 sign-in required, 4 offline (tokens kept).
"""

import argparse
import json
import os
import shutil
import ssl
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from mobile.authorization import PATIENCE, Registration, printable
from mobile.client import MobileClient
from mobile.deep_link import DeepLinkReceiver, deliver, register_handler
from mobile.errors import ApiError, MobileError, Offline, SignInRequired
from mobile.loopback import LoopbackReceiver
from mobile.provider import origin, safe_for_tokens, unavailable
from mobile.store import FileStore, KeyringStore, TokenStore
from shared.clock import Clock


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parse(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except SignInRequired as error:
        return _say(error, 3)
    except Offline as error:
        return _say(f"{error}; your sign-in is kept", 4)
    except MobileError as error:
        return _say(error, 1)
    except KeyboardInterrupt:
        return _say("interrupted", 130)


@contextmanager
def _client(options: argparse.Namespace) -> Iterator[MobileClient]:
    registration = Registration(options.issuer, options.client_id, options.redirect_uri)
    # nothing on this machine is asked through a proxy
    direct: dict[str, httpx2.BaseTransport | None] = {f"all://{host}": None for host in ("localhost", "127.0.0.1")}
    with httpx2.Client(timeout=10, mounts=direct, verify=options.ca_file or True) as http:
        yield MobileClient(registration, _store(registration, options), http, Clock(options.clock_file))


def _store(registration: Registration, options: argparse.Namespace) -> TokenStore:
    path: Path | None = options.store_path
    if options.store == "file":
        return FileStore(registration, path or _directory() / f"{registration.client_id}.json")
    return KeyringStore(registration, path or _directory())


def _login(options: argparse.Namespace) -> int:
    with _client(options) as client:
        with _receiver(client, options.redirect_uri) as receiver:
            url = client.begin_sign_in(receiver.redirect_uri)
            if options.no_browser:
                print(url, flush=True)
            else:
                _say(f"Opens your browser at {origin(url)} ...")
                if not webbrowser.open(url):
                    _say(f"No browser could be opened; open this yourself:\n{url}")
            callback = receiver.wait(timedelta(seconds=options.timeout))
        claims = client.finish_sign_in(callback).claims
        with suppress(MobileError):  # signed in either way; this is to greet by name
            claims = {**claims, **client.userinfo()}
    name = claims.get("name")
    greeting = f"signed in as {printable(name or claims['sub'])}"
    return _result(options, {"sub": claims["sub"], "name": name}, greeting)


def _receiver(client: MobileClient, redirect_uri: str) -> LoopbackReceiver | DeepLinkReceiver:
    if redirect_uri.startswith("http://"):
        return LoopbackReceiver(redirect_uri, client.expects)
    return DeepLinkReceiver(redirect_uri, _directory(), client.expects)


def _contacts(options: argparse.Namespace) -> int:
    with _client(options) as client:
        contacts = _list(client, f"{options.crm}/api/contacts")
    lines = [_columns(item.get("name"), item.get("email"), item.get("phone"), item.get("id")) for item in contacts]
    return _result(options, {"items": contacts, "next_cursor": None}, *lines)


def _orders(options: argparse.Namespace) -> int:
    with _client(options) as client:
        orders = _list(client, f"{options.orders}/api/orders")
    lines = [
        _columns(item.get("status"), item.get("currency"), f"{item.get('total_minor')} minor units", item.get("id"))
        for item in orders
    ]
    return _result(options, {"items": orders, "next_cursor": None}, *lines)


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
        _say(f"{options.issuer} could not be told; the tokens are gone from here and run out by themselves")
    _say(f"your browser stays signed in at {options.issuer}")
    return _result(options, {"signed_out": True, "revoked": revoked}, "signed out")


def _deliver(options: argparse.Namespace) -> int:
    if deliver(options.url, _directory()):
        return 0
    return _say("no login waits for this link; it was ignored", 1)


def _register(options: argparse.Namespace) -> int:
    scheme = urlsplit(options.redirect_uri).scheme
    file = register_handler(options.redirect_uri, Path.home() / ".local" / "share" / "applications")
    make_default = [shutil.which("xdg-mime") or "", "default", file.name, f"x-scheme-handler/{scheme}"]
    if not make_default[0] or subprocess.run(make_default, check=False).returncode:  # noqa: S603 - a fixed program
        _say(f"make it the default yourself: xdg-mime {' '.join(make_default[1:])}")
    return _result(options, {"file": str(file)}, f"{scheme}: links are delivered by {file}")


def _directory() -> Path:
    return Path.home() / ".local" / "share" / "company-sso"


def _list(client: MobileClient, url: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = _answer(client.get(url, params={"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page.get("next_cursor")
        if not cursor:
            return items


def _result(options: argparse.Namespace, document: dict[str, Any], *lines: str) -> int:
    print(json.dumps(document, indent=2) if options.json else "\n".join(lines), flush=True)
    return 0


def _answer(response: httpx2.Response) -> dict[str, Any]:
    """Return the JSON of an API's good answer.

    Raises:
        Offline: the API is away for the moment.
        ApiError: any other status, with the title of its problem document (RFC 9457).
    """
    where = origin(str(response.url)) + response.url.path
    if unavailable(response):
        raise Offline(f"{where} answers {response.status_code}: try again later")
    try:
        document = response.json()
    except ValueError:
        document = None
    if response.status_code != 200:
        title = document.get("title", "") if isinstance(document, dict) else ""
        raise ApiError(f"{where} answers {response.status_code} {printable(title)}".rstrip())
    if not isinstance(document, dict):
        raise ApiError(f"{where} answers something that is no JSON object")
    return document


def _columns(*values: object) -> str:
    return "  ".join("-" if value is None else printable(value, 200) for value in values)


def _say(message: object, code: int = 0) -> int:
    print(f"mobile: {message}", file=sys.stderr, flush=True)
    return code


_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str]] = {
    "login": (_login, "sign in through the system browser"),
    "contacts": (_contacts, "list your CRM contacts"),
    "orders": (_orders, "list your orders"),
    "whoami": (_whoami, "ask the provider who is signed in"),
    "refresh": (_refresh, "get a new access token now"),
    "logout": (_logout, "revoke the sign-in and forget it"),
    "register": (_register, "make this program the handler of the --redirect-uri's scheme (Linux)"),
    "deliver": (_deliver, "hand the deep link URL to the login that waits for it"),
}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mobile",
        description="The company's mobile app, on a command line.",
        epilog="commands:\n" + "\n".join(f"  {name:9} {text}" for name, (_, text) in _COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help="one of those below")
    parser.add_argument("url", nargs="?", metavar="URL", help="for deliver")
    parser.add_argument("--issuer", type=_base_url, default="http://localhost:9000", help="the provider (%(default)s)")
    parser.add_argument("--crm", type=_base_url, default="http://localhost:9001", help="the CRM API (%(default)s)")
    parser.add_argument(
        "--orders", type=_base_url, default="http://localhost:9002", help="the Orders API (%(default)s)"
    )
    parser.add_argument("--client-id", default="mobile-app", help="(%(default)s)")
    parser.add_argument(
        "--redirect-uri",
        type=_redirect_uri,
        default="http://127.0.0.1/callback",
        help="loopback (%(default)s, on a free port), or a private scheme such as myapp://callback (Linux)",
    )
    parser.add_argument("--store", choices=("keyring", "file"), default="keyring", help="(%(default)s)")
    parser.add_argument("--store-path", type=Path, help="the file; with keyring, the directory of its lock")
    parser.add_argument(
        "--ca-file", type=_authorities, help="trust the CAs of this PEM file alone (default: SSL_CERT_FILE, else all)"
    )
    parser.add_argument("--json", action="store_true", help="print results as JSON")
    parser.add_argument("--no-browser", action="store_true", help="login: print the URL on the first line and wait")
    parser.add_argument(
        "--timeout", type=float, default=PATIENCE.total_seconds(), help="login: seconds to wait (%(default)s)"
    )
    environment = os.environ  # noqa: TID251 - CLOCK_FILE, in local mode alone; no other setting reaches a phone
    moved = environment.get("CLOCK_FILE") if environment.get("ENVIRONMENT") == "local" else None
    parser.add_argument("--clock-file", type=Path, default=moved, help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args(arguments)
    if (options.command == "deliver") != (options.url is not None):
        parser.error("deliver, and no other command, takes a URL")
    if options.command == "register" and options.redirect_uri.startswith("http"):
        parser.error("register needs a --redirect-uri with a private scheme")
    options.run = _COMMANDS[options.command][0]
    return options


def _base_url(text: str) -> str:
    """Return `text` if tokens may travel there; without a trailing slash, as issuers and identifiers are."""
    if not safe_for_tokens(text):
        raise argparse.ArgumentTypeError("must be https, or http on this machine")
    return text.rstrip("/")


def _authorities(text: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=text)
    except OSError as error:  # SSLError is one
        raise argparse.ArgumentTypeError(f"{text} is no readable PEM file of CA certificates") from error


def _redirect_uri(text: str) -> str:
    try:
        parts = urlsplit(text)
        local = parts.hostname in {"127.0.0.1", "::1"} and parts.port != 0
    except ValueError:
        raise argparse.ArgumentTypeError("is no URI") from None
    if (
        parts.query
        or parts.fragment
        or not parts.scheme
        or parts.scheme == "https"
        or (parts.scheme == "http" and not local)
    ):
        raise argparse.ArgumentTypeError("must be http://127.0.0.1/..., http://[::1]/... or a private scheme")
    return text
