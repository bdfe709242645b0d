"""Token revocation: any token of a family ends the family; a machine's ends all that the machine has.

Spec: RFC 7009; Policy: ADR-0009
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, TokenMixin
from authlib.oauth2.rfc7009 import RevocationEndpoint as AuthlibRevocationEndpoint

from services.auth.protocol.client_authentication import OAuthClient
from services.auth.protocol.errors import TradedTokenError
from services.auth.protocol.parameters import SeamRequest
from services.auth.revocation import end_family, end_machine_tokens
from services.auth.tokens.access_token import family_of, verify_own_access_token
from services.auth.tokens.family import FamilyState
from services.auth.tokens.refresh_token import parse_refresh_token
from services.auth.tokens.status_list import StatusPlace, place_of

if TYPE_CHECKING:
    from services.auth.token_endpoint.pipeline import OAuthServer


@dataclass(frozen=True)
class FamilyToken(TokenMixin):
    """A refresh or access token, known by its family."""

    family: FamilyState
    #: The API that it was traded to, if it was: not by its word does a person's sign-in end.
    traded_to: str | None = None

    def check_client(self, client: OAuthClient) -> bool:
        if self.traded_to == client.client_id:
            raise TradedTokenError
        return self.traded_to is None and self.family.client_id == client.client_id

    def revoke(self, server: "OAuthServer") -> None:
        with server.provider.database.transaction() as stores:
            end_family(stores, self.family, why="revoked_by_client", origin=server.origin, now=server.now)


@dataclass(frozen=True)
class MachineToken(TokenMixin):
    """An access token that a client got for itself."""

    client_id: str
    status: StatusPlace | None

    def check_client(self, client: OAuthClient) -> bool:
        return self.client_id == str(client.client_id)

    def revoke(self, server: "OAuthServer") -> None:
        with server.provider.database.transaction() as stores:
            if stores.machine_places.find(self.client_id) != self.status:
                return  # it was ended before; what the machine got since then is not meant
            why = "machine_tokens_revoked"
            end_machine_tokens(stores, self.client_id, why=why, origin=server.origin, now=server.now)
        server.provider.registrations.forget_machine_places()


class RevocationEndpoint(AuthlibRevocationEndpoint):
    """Refuses another client's token, says 200 to one that is unknown or dead, and ignores the hint."""

    def check_params(self, request: SeamRequest, client: OAuthClient) -> None:
        del client
        if request.parameters.get("token") is None:
            raise InvalidRequestError("The token is missing.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> FamilyToken | MachineToken | None:
        del token_type_hint  # a token of ours says itself what it is
        refresh_token = parse_refresh_token(self.server.provider.mac_keys, token_string)
        if refresh_token is None:
            return self._access_token(token_string)
        family = self._family(refresh_token.family_id)
        if family is None or refresh_token.seed_hash != family.seed_hash:
            return None
        return FamilyToken(family)

    def _access_token(self, text: str) -> FamilyToken | MachineToken | None:
        issuer = self.server.provider.token_issuer
        claims = verify_own_access_token(issuer.signer, text, issuer=issuer.issuer, now=None)
        if claims is None:
            return None
        family_id = family_of(claims)
        if family_id is None:
            return MachineToken(claims["client_id"], place_of(claims))
        family = self._family(family_id)
        return None if family is None else FamilyToken(family, claims["client_id"] if "act" in claims else None)

    def _family(self, family_id: UUID) -> FamilyState | None:
        with self.server.provider.database.autocommit() as stores:
            family: FamilyState | None = stores.families.find(family_id)
        return family

    def revoke_token(self, token: FamilyToken | MachineToken, request: SeamRequest) -> None:
        del request
        token.revoke(self.server)
