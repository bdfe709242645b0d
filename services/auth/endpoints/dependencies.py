"""What every endpoint is given, and how it reads a request: strictly, once, and within bounds."""

import ipaddress
from dataclasses import dataclass
from typing import cast

from fastapi import Request

from services.auth.audit import Origin
from services.auth.authorization.sign_in import SignIn
from services.auth.oauth.request import MalformedParametersError, Parameters, parse_parameters
from services.auth.oauth.server import OAuthServer, Provider
from services.auth.settings import AuthSettings
from services.auth.stores import AuthDatabase
from shared.clock import Clock

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class AuthContext:
    """What the endpoints need for as long as the process lives; `app.py` puts it together."""

    settings: AuthSettings
    clock: Clock
    database: AuthDatabase
    provider: Provider
    sign_in: SignIn

    @property
    def issuer(self) -> str:
        return self.settings.issuer

    def oauth_server(self, origin: Origin) -> OAuthServer:
        """Return the seam's server for one request, its clock read now."""
        return OAuthServer(self.provider, origin=origin, now=self.clock.now())


def context_of(http: Request) -> AuthContext:
    """Return the context of this process."""
    return cast("AuthContext", http.app.state.context)


def origin_of(http: Request) -> Origin:
    """Return the caller's network (an IPv4 address, an IPv6 /64) and agent, cut to what a row keeps."""
    agent = http.headers.get("user-agent", "")
    printable = "".join(character for character in agent if character.isprintable())
    return Origin(_network(http.client.host if http.client else ""), printable[:300])


def _network(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def query_parameters(http: Request) -> Parameters:
    """Return the parameters of the query.

    Raises:
        MalformedParametersError: not form-encoded UTF-8.
    """
    return parse_parameters(cast("bytes", http.scope["query_string"]))


async def form_parameters(http: Request) -> Parameters:
    """Return the parameters of a form body.

    Raises:
        MalformedParametersError: another content type, or not form-encoded UTF-8.
    """
    media_type = http.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise MalformedParametersError(f"the content type must be {FORM}")
    return parse_parameters(await http.body())
