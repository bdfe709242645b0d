"""Where a request stands in one browser: what `next_step` decides by, read in one place.

Policy: ADR-0007, ADR-0022
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.accounts.browser_session import Sessions
from services.auth.accounts.user import Users
from services.auth.authorization.consent import Consents, ConsentState, consent_state
from services.auth.authorization.flow import Step, next_step
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.signed_in import SignedIn, find_signed_in
from services.auth.clients.client import Client
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.scopes import ScopeCatalogue


class EvaluationStores(Protocol):
    """What is read."""

    @property
    def consents(self) -> Consents: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def users(self) -> Users: ...


@dataclass(frozen=True)
class Evaluation:
    """The client, who is signed in, what they allow it, and the step that follows from these."""

    client: Client
    signed_in: SignedIn | None
    consent: ConsentState
    step: Step


def evaluate(
    stores: EvaluationStores,
    catalogue: ScopeCatalogue,
    request: AuthorizationRequest,
    client: Client | None,
    *,
    waiting: WaitingRequest | None,
    session_hash: bytes | None,
    now: datetime,
) -> Evaluation | None:
    """Read the state of `request`; None: its client is disabled, or its return address was withdrawn."""
    if client is None or not request.may_be_answered(client):
        return None
    signed_in = find_signed_in(stores, session_hash, now)
    consent = ConsentState(frozenset(), frozenset())
    if signed_in is not None:
        consent = consent_state(stores, catalogue, request, client, signed_in.user)
    step = next_step(
        request, client=client, signed_in=signed_in, consent_missing=consent.missing, waiting=waiting, now=now
    )
    return Evaluation(client, signed_in, consent, step)
