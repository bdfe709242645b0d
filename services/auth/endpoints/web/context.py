"""What every endpoint is given, and how it reads a request: strictly, once, and within bounds."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from starlette.requests import Request
from starlette.types import Scope

from services.auth.audit import Origin
from services.auth.audit.ledger import Ledger
from services.auth.authorization.device_requests import DeviceRequests
from services.auth.authorization.new_password import NewPassword
from services.auth.authorization.own.factors import OwnFactors
from services.auth.authorization.passkey_sign_in import PasskeySignIn
from services.auth.authorization.pushed import PushedRequests
from services.auth.authorization.sign_in import SignIn
from services.auth.cache.registrations import Registrations
from services.auth.cache.replica import Replica
from services.auth.cache.signed_lists import SignedLists
from services.auth.clients.client import Client
from services.auth.endpoints.web.appearance import Appearance
from services.auth.endpoints.web.endpoint import Endpoint
from services.auth.logout.back_channel.delivery import LogoutDelivery
from services.auth.mail.delivery import MailDelivery
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.protocol.authorization_request_checks import AuthorizationRequestChecks
from services.auth.protocol.dpop import DpopProofs
from services.auth.protocol.introspection import Introspection
from services.auth.protocol.parameters import MalformedParametersError, Parameters, parse_parameters
from services.auth.protocol.token_revocation import TokenRevocation
from services.auth.rate_limits.limits import RateLimits
from services.auth.rate_limits.pace import Holding
from services.auth.settings import AuthSettings
from services.auth.stores import AuthDatabase, Stores
from services.auth.token_endpoint.pipeline import TokenEndpoint
from services.auth.tokens.issue import TokenIssuer
from shared.client_address import Forwarding, network_of
from shared.clock import Clock
from shared.request_context import note

# Where a request keeps what it is answered with: in its ASGI scope.
_CONTEXT, _ENDPOINT = "auth.context", "auth.endpoint"

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class AuthContext:
    """What the endpoints need for as long as the process lives; `app.py` puts it together."""

    settings: AuthSettings
    clock: Clock
    database: AuthDatabase
    registrations: Registrations
    #: The account pages, as the sign-in knows them.
    account_client: Client
    token_issuer: TokenIssuer
    token_endpoint: TokenEndpoint
    introspection: Introspection
    token_revocation: TokenRevocation
    authorization_requests: AuthorizationRequestChecks
    pushed_requests: PushedRequests
    device_requests: DeviceRequests
    proofs: DpopProofs
    sign_in: SignIn
    #: None: the issuer's host can have no passkeys.
    passkey_sign_in: PasskeySignIn | None
    new_password: NewPassword
    own_factors: OwnFactors
    forwarding: Forwarding
    rate_limits: RateLimits
    holding: Holding
    replica: Replica
    signed_lists: SignedLists
    logout_delivery: LogoutDelivery
    mail_delivery: MailDelivery | None
    ledger: Ledger
    endpoints: tuple[Endpoint, ...]
    appearance: Appearance

    @property
    def sends_mail(self) -> bool:
        return self.mail_delivery is not None

    @property
    def issuer(self) -> str:
        return self.settings.issuer

    def client_of(self, stores: Stores, request: AuthorizationRequest) -> Client | None:
        """Return the client of a request that waits, as it is now: a registered one, or the account pages."""
        if request.client_id == self.account_client.client_id:
            return self.account_client
        return stores.clients.find(request.client_id)

    def moment(self) -> datetime:
        """Return the clock's time, with the keys and registrations of that moment. Never while the database is open."""
        now = self.clock.now()
        self.replica.refresh(now)
        return now


def context_of(http: Request) -> AuthContext:
    """Return the context of this process."""
    return cast("AuthContext", http.scope[_CONTEXT])


def attach(scope: Scope, context: AuthContext, endpoint: Endpoint) -> None:
    """Give a request its context, and the declaration of the endpoint that answers it."""
    scope[_CONTEXT], scope[_ENDPOINT] = context, endpoint


def endpoint_of(http: Request) -> Endpoint:
    """Return the declaration of the endpoint that answers."""
    return cast("Endpoint", http.scope[_ENDPOINT])


def admit(http: Request, origin: Origin) -> None:
    """Count the request by the limit of its endpoint. May wait for Valkey: never in the event loop.

    Raises:
        TooManyRequests: its network has sent too many.
    """
    endpoint = endpoint_of(http)
    if endpoint.limit is not None:
        context_of(http).rate_limits.admit(endpoint.limit, origin.network)


def origin_of(http: Request) -> Origin:
    """Return the caller's network (an IPv4 address, an IPv6 /64) and agent, cut to what a row keeps."""
    agent = http.headers.get("user-agent", "")[:1000]
    printable = "".join(character for character in agent if character.isprintable())
    peer = http.client.host if http.client else ""
    caller = context_of(http).forwarding.caller(peer, http.headers.getlist("x-forwarded-for"))
    network = network_of(caller)
    note(network=network)
    return Origin(network, printable[:300])


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
