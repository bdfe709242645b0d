"""python -m scripts.curl_line --scope crm:read: signs in as alice and prints a curl line with her access token.

It takes the way that every client takes: /authorize, the login form, /token. There is no other. `make token` runs it
against a stack that `make run` has started.
"""

import argparse
import ssl
import sys
import tempfile
from pathlib import Path

import httpx2

from mobile.authorization import Registration
from mobile.errors import MobileError
from mobile.simulator import ALICE, Phone, UnexpectedPage
from shared.clock import Clock


def main() -> int:
    """Print the line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.curl_line", description="Print a ready curl line.")
    parser.add_argument("--scope", default="crm:read", help="what the token may do (default: crm:read)")
    parser.add_argument("--issuer", default="http://localhost:9000")
    parser.add_argument("--crm", default="http://localhost:9001")
    parser.add_argument("--orders", default="http://localhost:9002")
    parser.add_argument("--ca-file", help="the CA to trust, when they are https (make run TLS=1)")
    options = parser.parse_args()

    url = f"{options.orders}/api/orders" if "orders:" in options.scope else f"{options.crm}/api/contacts"
    scope = " ".join(["openid", *options.scope.split()])
    registration = Registration(options.issuer, redirect_uri="myapp://callback", scope=scope)
    with tempfile.TemporaryDirectory() as directory:
        trusted = ssl.create_default_context(cafile=options.ca_file)
        phone = Phone(registration, Path(directory), Clock(), httpx2.HTTPTransport(verify=trusted))
        try:
            token = phone.install("curl", httpx2.HTTPTransport(verify=trusted)).sign_in(ALICE).access_token
        except (MobileError, UnexpectedPage, httpx2.HTTPError) as error:
            print(f"no token: {error} (is `make run` running?)", file=sys.stderr)
            return 1
        finally:
            phone.close()
    trust = f" --cacert {options.ca_file}" if options.ca_file else ""
    print(f"curl -sS -i{trust} -H 'Authorization: Bearer {token}' {url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
