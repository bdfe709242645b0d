"""python -m scripts.curl_line --scope crm:read: signs in as alice and prints a curl line with her access token.

It goes the way of every client: /authorize, the login form, /token. There is no other. `make token` runs it against a
stack that `make run` has started; both follow the same settings (ports, TLS, DATA_DIR, CLOCK_FILE).
"""

import argparse
import os
import shlex
import ssl
import sys
import tempfile
from pathlib import Path

import httpx2

from mobile.authorization import Registration
from mobile.errors import MobileError, Offline
from mobile.local_stack import BadSetting, LocalStack
from mobile.simulator import ALICE, BlockedByBrowser, Phone, UnexpectedPage
from shared.clock import Clock


def main() -> int:
    """Print the line; return the exit code."""
    try:
        stack = LocalStack.named_by(os.environ)  # noqa: TID251 - where a stack answers
    except BadSetting as error:
        return _say(str(error))
    parser = argparse.ArgumentParser(prog="python -m scripts.curl_line", description="Print a ready curl line.")
    parser.add_argument("--scope", default="crm:read", help="what the token may do (default: crm:read)")
    parser.add_argument("--issuer", default=stack.issuer, help="(default: %(default)s)")
    parser.add_argument("--crm", default=stack.crm, help="(default: %(default)s)")
    parser.add_argument("--orders", default=stack.orders, help="(default: %(default)s)")
    parser.add_argument("--ca-file", type=Path, default=stack.ca_file, help="the CA to trust, when they are https")
    parser.add_argument("--bare", action="store_true", help="print the access token alone")
    options = parser.parse_args()

    # a refresh token would be forgotten here, and good for months
    scope = " ".join(["openid", *(word for word in options.scope.split() if word != "offline_access")])
    registration = Registration(options.issuer, redirect_uri="myapp://callback", scope=scope)
    try:
        trusted = ssl.create_default_context(cafile=options.ca_file)
        access_token = _sign_in(registration, trusted, Clock(stack.clock_file))
    except (Offline, httpx2.RequestError) as error:
        return _say(f"{error}; is `make run` running, with the same ports and TLS?")
    except OSError:
        return _say(f"{options.ca_file} cannot be read; `make run TLS=1` makes it, under DATA_DIR")
    except (MobileError, UnexpectedPage, BlockedByBrowser) as error:
        return _say(str(error))
    if options.bare:
        print(access_token)
        return 0
    trust = ["--cacert", str(options.ca_file)] if options.ca_file else []
    url = f"{options.orders}/api/orders" if "orders:" in options.scope else f"{options.crm}/api/contacts"
    print(shlex.join(["curl", "-sS", "-i", *trust, "-H", f"Authorization: Bearer {access_token}", url]))
    return 0


def _sign_in(registration: Registration, trusted: ssl.SSLContext, clock: Clock) -> str:
    with tempfile.TemporaryDirectory() as directory:
        phone = Phone(registration, Path(directory), clock, httpx2.HTTPTransport(verify=trusted))
        try:
            return phone.install("curl", httpx2.HTTPTransport(verify=trusted)).sign_in(ALICE).access_token
        finally:
            phone.close()


def _say(reason: str) -> int:
    print(f"no token: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
