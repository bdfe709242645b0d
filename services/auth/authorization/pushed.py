"""Pushed authorization requests: a waiting request that its client has left here before any browser came.

Spec: RFC 9126 s2, s4 and s7, RFC 9449 s10.1; Policy: ADR-0007
The client proves who it is, and everything is checked before a browser comes.
The request_uri is good for its client alone, for a minute, and for the first browser that comes with it; that browser
may come again (a reload) until the request is answered, nobody may after that.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.auth.audit import Refusal, refuse
from services.auth.authorization.request import WaitingRequest, WaitingRequests
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.protocol.authorization_request_checks import AuthorizationRequestChecks
from services.auth.protocol.client_authentication import ClientAuthentication
from services.auth.protocol.dpop import DpopProofs
from services.auth.protocol.errors import ErrorPage, ErrorRedirect, InvalidDpopProof, InvalidRequest, Refused
from services.auth.protocol.parameters import ClientRequest, Parameters

_PREFIX = "urn:ietf:params:oauth:request_uri:"


#: What /authorize would tell on a page, told to the client.
_SENTENCES = {
    "missing_redirect_uri": "The redirect_uri is missing.",
    "request_object": "Request objects are not supported.",
    "unregistered_redirect_uri": "The redirect_uri is not registered for this client.",
}


class PushedRequestStores(Protocol):
    """Where it waits."""

    @property
    def waiting_requests(self) -> WaitingRequests: ...


class PushedRequestDatabase(Protocol):
    """Opens those stores for one statement."""

    def autocommit(self) -> AbstractContextManager[PushedRequestStores]: ...


@dataclass(frozen=True)
class PushedRequests:
    """Answers /par. `lifetime`: how long a request_uri is good for."""

    authentication: ClientAuthentication
    proofs: DpopProofs
    checks: AuthorizationRequestChecks
    database: PushedRequestDatabase
    lifetime: timedelta

    def answer(self, request: ClientRequest) -> dict[str, str | int]:
        """Store the request and return its request_uri.

        Raises:
            OAuthError: the client does not prove who it is, or its request would be refused.
        """
        request.refuse_repeated()
        client = self.authentication.authenticate(request)
        if request.get("request_uri") is not None:
            raise InvalidRequest(Refusal.PUSHED_REQUEST_NAMES_ANOTHER, "A pushed request holds no request_uri.")
        # a client that has authenticated by a header need not name itself again
        pairs = (
            *(pair for pair in request.parameters.pairs if pair[0] != "client_id"),
            ("client_id", client.client_id),
        )
        if request.proofs and client.dpop_bound_access_tokens is not False:
            pairs = _bound(pairs, self.proofs.proved(request, client).jkt)
        try:
            checked = self.checks.validate(Parameters(pairs), request.now, pushed=True)
        except ErrorPage as error:
            refuse(Refusal.PUSHED_REQUEST_CLIENT_REFUSED, case=error.case)
            sentence = _SENTENCES.get(error.case, "The request was refused.")
            raise Refused(Refusal.PUSHED_REQUEST_CLIENT_REFUSED, error.error, sentence) from error
        except ErrorRedirect as error:
            refuse(Refusal.PUSHED_REQUEST_REFUSED, error=error.error, reason=error.description)
            raise Refused(Refusal.PUSHED_REQUEST_REFUSED, error.error, error.description) from error
        with self.database.autocommit() as stores:
            request_uri = push_request(
                stores.waiting_requests,
                checked,
                network=request.origin.network,
                lifetime=self.lifetime,
                now=request.now,
            )
        return {"request_uri": request_uri, "expires_in": int(self.lifetime.total_seconds())}


def _bound(pairs: tuple[tuple[str, str], ...], jkt: str | None) -> tuple[tuple[str, str], ...]:
    """Return the parameters with the key that the request has proved to hold, if they name no other one."""
    named = [value for name, value in pairs if name == "dpop_jkt" and value]
    if named and named != [jkt]:
        raise InvalidDpopProof(Refusal.DPOP_PROOF_OF_ANOTHER_KEY, "The dpop_jkt is not the key of the DPoP proof.")
    return (*(pair for pair in pairs if pair[0] != "dpop_jkt"), ("dpop_jkt", jkt or ""))


def push_request(
    requests: WaitingRequests, request: AuthorizationRequest, *, network: str, lifetime: timedelta, now: datetime
) -> str:
    """Store the checked request and return its request_uri."""
    handle = mint_opaque_token()
    requests.add(WaitingRequest(digest(handle), request, now, now + lifetime, pushed=True, network=network))
    return _PREFIX + handle


def handle_of_request_uri(request_uri: str) -> str | None:
    """Return the handle that a request_uri of our form holds; None for any other URI."""
    return request_uri.removeprefix(_PREFIX) if request_uri.startswith(_PREFIX) else None


def claim_pushed_request(
    requests: WaitingRequests,
    handle: str,
    client_id: str,
    browser_hash: bytes,
    *,
    network: str,
    lifetime: timedelta,
    now: datetime,
) -> WaitingRequest | None:
    """Make the pushed request this browser's, and return it; from then on it waits for `lifetime`.

    None: unknown, expired, answered, another browser's, or another client's, whose claim leaves it untouched.
    """
    handle_hash = digest(handle)
    pushed = requests.find_pushed(handle_hash, now)
    if pushed is not None and pushed.client_id == client_id:
        requests.claim_pushed(handle_hash, browser_hash, network=network, expires_at=now + lifetime, now=now)
    waiting = requests.find(handle_hash, browser_hash, now)
    return waiting if waiting is not None and waiting.request.client_id == client_id else None
