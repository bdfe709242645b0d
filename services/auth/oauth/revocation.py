"""Token revocation: any token of a family ends the family.

Spec: RFC 7009; Policy: ADR-0009
"""

from dataclasses import dataclass
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, TokenMixin
from authlib.oauth2.rfc7009 import RevocationEndpoint as AuthlibRevocationEndpoint

from services.auth.oauth.client_authentication import OAuthClient
from services.auth.oauth.request import SeamRequest
from services.auth.tokens.access_token import family_of, verify_own_access_token
from services.auth.tokens.family import FamilyState, end_family
from services.auth.tokens.refresh_token import parse_refresh_token


@dataclass(frozen=True)
class FamilyToken(TokenMixin):
    """A refresh or access token, known by its family."""

    family: FamilyState

    def check_client(self, client: OAuthClient) -> bool:
        return self.family.client_id == client.client_id


class RevocationEndpoint(AuthlibRevocationEndpoint):
    """Refuses another client's token, says 200 to one that is unknown or dead, and ignores the hint."""

    def check_params(self, request: SeamRequest, client: OAuthClient) -> None:
        del client
        if request.parameters.get("token") is None:
            raise InvalidRequestError("The token is missing.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> FamilyToken | None:
        del token_type_hint  # a token of ours says itself what it is
        provider = self.server.provider
        refresh_token = parse_refresh_token(provider.mac_keys, token_string)
        family_id = refresh_token.family_id if refresh_token else self._family_of_access_token(token_string)
        if family_id is None:
            return None
        with provider.database.autocommit() as stores:
            family = stores.families.find(family_id)
        if family is None or (refresh_token and refresh_token.seed_hash != family.seed_hash):
            return None
        return FamilyToken(family)

    def _family_of_access_token(self, text: str) -> UUID | None:
        issuer = self.server.provider.token_issuer
        return family_of(verify_own_access_token(issuer.signer, text, issuer=issuer.issuer, now=None) or {})

    def revoke_token(self, token: FamilyToken, request: SeamRequest) -> None:
        del request
        with self.server.provider.database.transaction() as stores:
            end_family(stores, token.family, why="revoked_by_client", origin=self.server.origin, now=self.server.now)
