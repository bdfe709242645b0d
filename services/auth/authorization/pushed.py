"""Pushed authorization requests: a waiting request that its client has left here before any browser came.

Spec: RFC 9126 s2.2, s4 and s7; Policy: ADR-0007
The request_uri is good for its client alone, for a minute, and for the first browser that comes with it; that browser
may come again (a reload) until the request is answered, nobody may after that.
"""

from datetime import datetime, timedelta

from services.auth.authorization.request import AuthorizationRequest, WaitingRequest, WaitingRequests
from services.auth.opaque_token import digest, mint_opaque_token

_PREFIX = "urn:ietf:params:oauth:request_uri:"


def push_request(
    requests: WaitingRequests, request: AuthorizationRequest, *, lifetime: timedelta, now: datetime
) -> str:
    """Store the checked request and return its request_uri."""
    handle = mint_opaque_token()
    requests.add(WaitingRequest(digest(handle), request, now, now + lifetime, pushed=True))
    return _PREFIX + handle


def handle_of_request_uri(request_uri: str) -> str | None:
    """Return the handle that a request_uri of our form holds; None for any other URI."""
    return request_uri.removeprefix(_PREFIX) if request_uri.startswith(_PREFIX) else None


def claim_pushed_request(
    requests: WaitingRequests, handle: str, client_id: str, browser_hash: bytes, *, lifetime: timedelta, now: datetime
) -> WaitingRequest | None:
    """Make the pushed request this browser's, and return it; from then on it waits for `lifetime`.

    None: unknown, expired, answered, another browser's, or another client's, whose claim leaves it untouched.
    """
    handle_hash = digest(handle)
    pushed = requests.find_pushed(handle_hash, now)
    if pushed is not None and pushed.client_id == client_id:
        requests.claim_pushed(handle_hash, browser_hash, expires_at=now + lifetime, now=now)
    waiting = requests.find(handle_hash, browser_hash, now)
    return waiting if waiting is not None and waiting.request.client_id == client_id else None
