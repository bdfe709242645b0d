"""Consent: what a person has allowed a client, remembered scope by scope, and how it is taken back.

Spec: OpenID Connect Core s3.1.2.4, OWASP ASVS 10.7; Policy: ADR-0022
First-party clients need none: whoever runs the provider has agreed for its users.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.auth.accounts.user import User
from services.auth.audit import AuditEvent, Origin
from services.auth.clients.client import Client
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.revocation import EndStores, withdraw
from services.auth.scopes import ScopeCatalogue
from services.auth.tokens.end_reason import EndReason


class Consents(Protocol):
    """The port that storage implements."""

    def find(self, user_id: UUID, client_id: str) -> frozenset[str]:
        """Return the scopes that this user has allowed this client."""
        ...

    def add(self, user_id: UUID, client_id: str, scopes: frozenset[str], now: datetime) -> None:
        """Add to what was allowed before."""
        ...

    def remove(self, user_id: UUID, client_id: str) -> bool:
        """Forget all of it; False when there was nothing."""
        ...


class ConsentStores(EndStores, Protocol):
    """What a withdrawal reads and writes."""

    @property
    def consents(self) -> Consents: ...


class FindsConsents(Protocol):
    """What is read to know the state of a request."""

    @property
    def consents(self) -> Consents: ...


@dataclass(frozen=True)
class ConsentState:
    """What a request would have its user allow, and what that user has allowed before.

    `asked` holds what the user can give: a scope for a role that they lack is not theirs to allow.
    """

    asked: frozenset[str]
    given: frozenset[str]

    @property
    def missing(self) -> bool:
        return not self.asked <= self.given


def consent_state(
    stores: FindsConsents, catalogue: ScopeCatalogue, request: AuthorizationRequest, client: Client, user: User
) -> ConsentState:
    """Return what is asked of `user` and what is given; a first-party client is given everything."""
    asked = catalogue.entitled(request.consent_scopes, user.roles)
    return ConsentState(asked, asked if client.first_party else stores.consents.find(user.id, client.client_id))


def withdraw_consent(stores: ConsentStores, user_id: UUID, client_id: str, *, origin: Origin, now: datetime) -> None:
    """Forget what the user allowed the client, and end every sign-in that rests on it.

    In one transaction of the caller's, the user's row locked first: a redemption holds it too, so it comes before this
    (and what it founds is ended) or after (and finds no consent).
    """
    stores.users.lock_for_end(user_id)
    if stores.consents.remove(user_id, client_id):
        event = AuditEvent("consent_withdrawn", now, user_id=user_id, client_id=client_id, origin=origin)
        stores.audit.record(event)
    withdraw(stores, client_id=client_id, user_id=user_id, origin=origin, now=now, reason=EndReason.CONSENT_WITHDRAWN)
