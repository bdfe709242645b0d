"""The command line's words: commands, options and their defaults, and what is a usage error (exit code 2).

In: arguments, and the environment variables of the local stack. Out: `argparse.Namespace`.
"""

import argparse
import os
import ssl
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mobile.authorization import PATIENCE
from mobile.local_stack import BadSetting, LocalStack
from mobile.network import safe_for_tokens

_LONGEST_WAIT = 86_400

MOVES = ("place", "pay", "ship", "deliver", "cancel", "refund")

#: Each command with its operands and its line of help.
COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "login": ((), "sign in through the system browser"),
    "contacts": ((), "list your CRM contacts"),
    "orders": ((), "list your orders"),
    "move": (("ORDER", "MOVE"), f"move an order on: {', '.join(MOVES)}"),
    "whoami": ((), "ask the provider who is signed in"),
    "refresh": ((), "get a new access token now"),
    "logout": ((), "forget the sign-in and revoke it"),
    "register": ((), "make this program the handler of the --redirect-uri's scheme (Linux)"),
    "deliver": (("URL",), "hand the deep link URL to the login that waits for it"),
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; exits with code 2 and a sentence if they are wrong."""
    parser = _parser()
    options = parser.parse_intermixed_args(arguments)
    stack = _local_stack(parser)
    options.issuer = options.issuer or stack.issuer
    options.crm = options.crm or stack.crm
    options.orders = options.orders or stack.orders
    options.clock_file = options.clock_file or stack.clock_file
    options.trusted = _trusted(parser, options.ca_file or stack.ca_file)
    _check_operands(parser, options)
    if options.command == "register" and options.redirect_uri.startswith("http"):
        parser.error("register needs a --redirect-uri with a private scheme")
    return options


def _parser() -> argparse.ArgumentParser:
    listed = [f"  {' '.join((name, *operands)):17} {text}" for name, (operands, text) in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m mobile",
        description="The company's mobile app, on a command line.",
        epilog="commands:\n" + "\n".join(listed) + "\n\nThe addresses follow AUTH_PORT, CRM_PORT, ORDERS_PORT and TLS "
        "as `make run` does.\nExit codes: 0 ok, 1 API or provider error, 2 usage, 3 sign-in required, 4 offline "
        "(the sign-in is kept).",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    parser.add_argument("operands", nargs="*", metavar="OPERAND", help="what the command needs")
    parser.add_argument("--issuer", type=_base_url, help="the provider (http://localhost:9000)")
    parser.add_argument("--crm", type=_base_url, help="the CRM API (http://localhost:9001)")
    parser.add_argument("--orders", type=_base_url, help="the Orders API (http://localhost:9002)")
    parser.add_argument("--client-id", default="mobile-app", help="(%(default)s)")
    parser.add_argument(
        "--redirect-uri",
        type=_redirect_uri,
        default="http://127.0.0.1/callback",
        help="loopback (%(default)s, on a free port), or a private scheme such as myapp://callback (Linux)",
    )
    parser.add_argument(
        "--store",
        choices=("keyring", "file"),
        help="where the tokens are kept (the system's keychain; a private file where there is none)",
    )
    parser.add_argument(
        "--bind",
        action="store_true",
        help="with login: bind the sign-in to a key of this machine (DPoP), kept beside the tokens",
    )
    parser.add_argument(
        "--device",
        action="store_true",
        help="with login: print an address and a code, for a browser on another machine",
    )
    parser.add_argument("--store-path", type=Path, help="the file; with keyring, the directory of its lock")
    parser.add_argument(
        "--ca-file",
        type=Path,
        help="trust the CAs of this PEM file alone (with TLS=1 the local stack's; else SSL_CERT_FILE, else all)",
    )
    parser.add_argument("--json", action="store_true", help="print results as JSON")
    parser.add_argument(
        "--no-browser", action="store_true", help="to sign in: print the URL on the first line and wait"
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=PATIENCE.total_seconds(), help="seconds to wait for a sign-in (%(default)s)"
    )
    parser.add_argument("--clock-file", type=Path, help=argparse.SUPPRESS)
    return parser


def _local_stack(parser: argparse.ArgumentParser) -> LocalStack:
    environment: Mapping[str, str] = os.environ  # noqa: TID251 - no service's settings: where a stack answers
    try:
        return LocalStack.named_by(environment)
    except BadSetting as error:
        parser.error(str(error))


def _check_operands(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    wanted, _ = COMMANDS[options.command]
    if len(options.operands) != len(wanted):
        parser.error(f"usage: {' '.join((options.command, *wanted))}")
    if options.command == "move":
        order, move = options.operands
        if move not in MOVES:
            parser.error(f"MOVE must be one of {', '.join(MOVES)}, not {move!r}")
        try:
            uuid.UUID(order)
        except ValueError:
            parser.error(f"ORDER must be an id, as `orders` lists them in its last column, not {order!r}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"must be seconds from 0 to {_LONGEST_WAIT}")
    return seconds


def _base_url(text: str) -> str:
    """Return `text` if tokens may travel there; without a trailing slash, as issuers and identifiers are."""
    if not safe_for_tokens(text) or "?" in text or "#" in text:
        raise argparse.ArgumentTypeError("must be https, or http on this machine")
    return text.rstrip("/")


def _trusted(parser: argparse.ArgumentParser, authorities: Path | None) -> ssl.SSLContext | bool:
    """Return the CAs to trust; True: those that the environment and the system name."""
    if authorities is None:
        return True
    try:
        return ssl.create_default_context(cafile=authorities)
    except FileNotFoundError:
        parser.error(
            f"{authorities} (--ca-file, or with TLS=1 DATA_DIR/tls/ca.crt) is not there; `make run TLS=1` makes it"
        )
    except OSError:  # SSLError is one
        parser.error(
            f"{authorities} (--ca-file, or with TLS=1 DATA_DIR/tls/ca.crt) is not a PEM file of CA certificates"
        )


def _redirect_uri(text: str) -> str:
    try:
        parts = urlsplit(text)
        local = parts.hostname in {"127.0.0.1", "::1"} and parts.port != 0
    except ValueError:
        raise argparse.ArgumentTypeError("must be a URI") from None
    if (
        parts.query
        or parts.fragment
        or not parts.scheme
        or parts.scheme == "https"
        or (parts.scheme == "http" and not local)
    ):
        raise argparse.ArgumentTypeError("must be http://127.0.0.1/..., http://[::1]/... or a private scheme")
    return text
