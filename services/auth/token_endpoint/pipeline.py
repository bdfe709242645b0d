"""POST /token: the five phases that every grant goes through, in this order; a grant cannot forget one.

Spec: RFC 6749 s3.2, s5.1 and s5.2, OpenID Connect Core s3.1.3, RFC 9449 s5; Policy: ADR-0070
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.auth.audit import Refusal, issued
from services.auth.clients.client import Client
from services.auth.protocol.client_authentication import ClientAuthentication
from services.auth.protocol.dpop import DpopProofs
from services.auth.protocol.errors import UnauthorizedClient, UnsupportedGrantType
from services.auth.protocol.parameters import ClientRequest
from services.auth.tokens.issue import Issued, TokenIssuer


class Grant(Protocol):
    """One way to tokens. Each grant is a file beside this one."""

    @property
    def grant_type(self) -> str: ...

    @property
    def event(self) -> str:
        """What the audit trail calls its tokens; empty: the grant writes a row of its own for each."""
        ...

    def authorize(self, request: ClientRequest, client: Client) -> Issued:
        """Decide what `client`, which is authenticated and registered for this grant, is given.

        Raises:
            OAuthError: nothing; what must be remembered of the refusal is stored.
            Unavailable: the database does not answer.
        """
        ...


@dataclass(frozen=True)
class TokenEndpoint:
    """Answers /token. `grants` by their types."""

    grants: Mapping[str, Grant]
    authentication: ClientAuthentication
    proofs: DpopProofs
    token_issuer: TokenIssuer

    def answer(self, request: ClientRequest) -> dict[str, str | int]:
        """Return the JSON members of the answer.

        Raises:
            OAuthError: the refusal.
            Unavailable: a key or the database is missing; nothing was used up for an answer that can't be signed.
        """
        self.token_issuer.signer.require_keys()
        grant = self._grant_for(request)
        client = self.authentication.authenticate(request)
        _require_registered(client, grant)
        request = self.proofs.proved(request, client)
        decided = grant.authorize(request, client)
        answer = self.token_issuer.issue(decided, request.jkt)
        issued(grant.event, grant.grant_type.rpartition(":")[2], client_id=client.client_id, user_id=decided.acting_for)
        return answer

    def _grant_for(self, request: ClientRequest) -> Grant:
        request.refuse_repeated()
        request.refuse_authorization_details()
        grant = self.grants.get(request.require("grant_type", "The grant_type is missing."))
        if grant is None:
            raise UnsupportedGrantType
        return grant


def _require_registered(client: Client, grant: Grant) -> None:
    if grant.grant_type not in client.grant_types:
        raise UnauthorizedClient(Refusal.GRANT_TYPE_NOT_REGISTERED)


def by_type(*grants: Grant) -> Mapping[str, Grant]:
    """Return the grants by their types, in this order."""
    return {grant.grant_type: grant for grant in grants}
