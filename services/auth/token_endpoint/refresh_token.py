"""The refresh_token grant.

Spec: RFC 6749 s6, RFC 9700 s4.14.2, RFC 8707 s2.2, RFC 9449 s5; Policy: ADR-0009
"""

from dataclasses import dataclass, replace

from services.auth.audit import Refusal
from services.auth.clients.client import Client, own_or
from services.auth.keys.key_ring import KeyRing
from services.auth.protocol.errors import InvalidDpopProof, InvalidGrant, InvalidScope
from services.auth.protocol.parameters import ClientRequest
from services.auth.settings import AuthSettings
from services.auth.token_endpoint.user_tokens import UserTokens
from services.auth.tokens.family import FamilyDatabase, Presented
from services.auth.tokens.issue import Issued
from services.auth.tokens.refresh_token import (
    RefreshPolicy,
    RefreshToken,
    WrongKey,
    mint_refresh_token,
    name_foreign,
    parse_refresh_token,
    rotate,
)

_BOUND = "The refresh token is bound to a key; send a DPoP proof of it."
_NOT_VALID = "The refresh token is not valid."


@dataclass(frozen=True)
class RefreshTokenGrant:
    """Client, scope and resource are checked before the family is moved on."""

    settings: AuthSettings
    database: FamilyDatabase
    tokens: UserTokens
    mac_keys: KeyRing
    grant_type: str = "refresh_token"
    event: str = "refresh_tokens_rotated"

    def authorize(self, request: ClientRequest, client: Client) -> Issued:
        """Rotate the family, or answer the retry of a lost response; a reuse ends the family."""
        text = request.require("refresh_token", "The refresh_token is missing.")
        token = parse_refresh_token(self.mac_keys, text)
        if token is None:
            raise InvalidGrant(Refusal.REFRESH_TOKEN_UNREADABLE, _NOT_VALID)
        if request.get("scope") or request.parameters.all("resource"):
            self._check_narrowing(request, client, token)
        presented = Presented(
            token.family_id, token.generation, token.seed_hash, client.client_id, request.jkt, request.origin
        )
        try:
            grant = rotate(self.database, presented, ring=self.mac_keys, policy=self._policy(client), now=request.now)
        except WrongKey as error:
            raise InvalidDpopProof(
                Refusal.REFRESH_TOKEN_OF_ANOTHER_KEY,
                "The refresh token is bound to a key; the DPoP proof must be that key's.",
            ) from error
        if grant is None:
            raise InvalidGrant(Refusal.REFRESH_TOKEN_OVER, _NOT_VALID)
        successor = mint_refresh_token(
            self.mac_keys, replace(token, generation=grant.generation), mac_kid=grant.mac_kid
        )
        scopes = self._narrowed(request, grant.authorization.scopes, grant.authorization.resources)
        return self.tokens.issue(grant, client, scopes=scopes, refresh_token=successor, nonce=None, now=request.now)

    def _policy(self, client: Client) -> RefreshPolicy:
        return RefreshPolicy(
            own_or(client.refresh_retry_window, self.settings.refresh_retry_window),
            own_or(client.refresh_idle_lifetime, self.settings.refresh_idle_lifetime),
        )

    def _check_narrowing(self, request: ClientRequest, client: Client, token: RefreshToken) -> None:
        """Refuse a scope or resource beyond the grant while nothing has been written yet."""
        with self.database.autocommit() as stores:
            family = stores.families.find(token.family_id)
        if family is None or family.seed_hash != token.seed_hash:
            raise InvalidGrant(Refusal.REFRESH_TOKEN_UNKNOWN, _NOT_VALID)
        if family.authorization.client_id != client.client_id:
            name_foreign(family)
            raise InvalidGrant(Refusal.REFRESH_TOKEN_OF_ANOTHER_CLIENT, _NOT_VALID)
        self._narrowed(request, family.authorization.scopes, family.authorization.resources)

    def _narrowed(self, request: ClientRequest, scopes: frozenset[str], resources: tuple[str, ...]) -> frozenset[str]:
        asked = self.tokens.known_scopes(request, scopes)
        if not asked <= scopes:
            raise InvalidScope(Refusal.REFRESH_SCOPE_BEYOND_GRANT, "A requested scope is not in the grant.")
        return self.tokens.narrow(request, asked or scopes, resources)
