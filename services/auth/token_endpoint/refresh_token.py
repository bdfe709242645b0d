"""The refresh_token grant.

Spec: RFC 6749 s6, RFC 9700 s4.14.2; Policy: ADR-0009
"""

from dataclasses import replace
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant as AuthlibRefreshTokenGrant

from services.auth.clients.client import own_or
from services.auth.scopes import split_scope
from services.auth.tokens.family import Presented
from services.auth.tokens.refresh_token import (
    RefreshPolicy,
    RefreshToken,
    mint_refresh_token,
    parse_refresh_token,
    rotate,
)


class RefreshTokenGrant(AuthlibRefreshTokenGrant):
    """Client, scope and resource are checked before the family is moved on."""

    def validate_token_request(self) -> None:
        self.request.client = self._validate_request_client()
        text = self.request.parameters.get("refresh_token")
        if text is None:
            raise InvalidRequestError("The refresh_token is missing.")
        token = parse_refresh_token(self.server.provider.mac_keys, text)
        if token is None:
            raise InvalidGrantError("The refresh token is not valid.")
        self.request.refresh_token = token
        if self.request.payload.scope or self.request.parameters.all("resource"):
            self._validate_narrowing(token)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        server, token = self.server, self.request.refresh_token
        provider, client = server.provider, self.request.client.client
        grant = rotate(
            provider.database,
            self._presented(token),
            ring=provider.mac_keys,
            policy=RefreshPolicy(
                own_or(client.refresh_retry_window, provider.settings.refresh_retry_window),
                own_or(client.refresh_idle_lifetime, provider.settings.refresh_idle_lifetime),
            ),
            now=server.now,
        )
        if grant is None:
            raise InvalidGrantError("The refresh token is not valid.")
        successor = replace(token, generation=grant.generation)
        refresh_token = mint_refresh_token(provider.mac_keys, successor, mac_kid=grant.mac_kid)
        scopes = self._narrowed(grant.scopes, grant.resources)
        body = server.token_response(grant, client, scopes=scopes, refresh_token=refresh_token, nonce=None)
        return 200, body, self.TOKEN_RESPONSE_HEADER

    def _presented(self, token: RefreshToken) -> Presented:
        return Presented(
            token.family_id, token.generation, token.seed_hash, self.request.client.client_id, self.server.origin
        )

    def _validate_narrowing(self, token: RefreshToken) -> None:
        """Refuse a scope or resource beyond the grant while nothing has been written yet."""
        with self.server.provider.database.autocommit() as stores:
            family = stores.families.find(token.family_id)
        mine = family is not None and family.client_id == self.request.client.client_id
        if family is None or not mine or family.seed_hash != token.seed_hash:
            raise InvalidGrantError("The refresh token is not valid.")
        self._narrowed(family.scopes, family.resources)

    def _narrowed(self, scopes: frozenset[str], resources: tuple[str, ...]) -> frozenset[str]:
        asked = split_scope(self.request.payload.scope)
        if not asked <= scopes:
            raise InvalidScopeError("A requested scope is not in the grant.")
        narrowed: frozenset[str] = self.server.narrow(
            asked or scopes, resources, self.request.parameters.all("resource")
        )
        return narrowed
