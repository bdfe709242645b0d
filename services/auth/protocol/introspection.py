"""Token introspection: the offline verifier's verdict and, what that one can't see at once, whether the grant lives.

Spec: RFC 7662 s2.1, s2.2 and s4, RFC 9449 s6.2; Policy: ADR-0014
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.audit import Refusal
from services.auth.keys.signer import Signer
from services.auth.protocol.client_authentication import ClientAuthentication
from services.auth.protocol.errors import UnauthorizedClient
from services.auth.protocol.parameters import ClientRequest
from services.auth.tokens.access_token import (
    Claims,
    OwnAccessToken,
    RevokedAccessTokens,
    token_type,
    verify_own_access_token,
)
from services.auth.tokens.family import Families
from services.auth.tokens.status_list import MachineStatuses

#: What is told of a live token (RFC 7662 s2.2, RFC 8693 s4.1): what the API needs to decide, no name of a person.
_TOLD = ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti", "auth_time", "acr", "sid", "act", "cnf")


class IntrospectionStores(Protocol):
    """What tokens rest on."""

    @property
    def families(self) -> Families: ...
    @property
    def machine_statuses(self) -> MachineStatuses: ...
    @property
    def revoked_access_tokens(self) -> RevokedAccessTokens: ...


class IntrospectionDatabase(Protocol):
    """Opens those stores for one statement."""

    def autocommit(self) -> AbstractContextManager[IntrospectionStores]: ...


@dataclass(frozen=True)
class Introspection:
    """Answers /introspect."""

    authentication: ClientAuthentication
    database: IntrospectionDatabase
    signer: Signer
    issuer: str

    def answer(self, request: ClientRequest) -> Claims:
        """Return the members for the API that asks; of a token that is not live, `active` alone.

        Raises:
            OAuthError: the caller may not ask, or asks for nothing. A bad token is not an error.
        """
        client = self.authentication.authenticate(request)
        if client.public or not client.introspection:
            raise UnauthorizedClient(Refusal.INTROSPECTION_NOT_ALLOWED)
        request.refuse_repeated()
        text = request.require("token", "The token is missing.")
        token = verify_own_access_token(self.signer, text, issuer=self.issuer, now=request.now)
        if token is None or not client.speaks_for(token.audience) or not self._lives(token, request.now):
            return {"active": False}
        told = {name: token.claims[name] for name in _TOLD if name in token.claims}
        return {"active": True, "token_type": token_type(token.claims), **told}

    def _lives(self, token: OwnAccessToken, now: datetime) -> bool:
        """Report whether the token, and what it was granted by, was not ended."""
        with self.database.autocommit() as stores:
            if token.family_id is None:
                status = stores.machine_statuses.find(token.client_id)  # none of a disabled client
                return status is not None and status == token.status
            family = stores.families.find(token.family_id)
            revoked = stores.revoked_access_tokens.has(token.jti)
        return family is not None and family.live(now) and not revoked
