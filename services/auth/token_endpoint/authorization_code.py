"""The authorization_code grant at both endpoints.

Spec: RFC 6749 s4.1, OAuth 2.1 s4.1, OpenID Connect Core s3.1
"""

from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, InvalidGrantError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant as AuthlibAuthorizationCodeGrant

from services.auth.authorization.code import AuthorizationCode, FamilyPolicy, redeem
from services.auth.clients.client import own_or
from services.auth.opaque_token import digest
from services.auth.protocol.client_authentication import OAuthClient
from services.auth.tokens.refresh_token import RefreshToken, mint_refresh_token, new_seed


class OAuthCode(AuthorizationCodeMixin):
    """A code as Authlib asks it questions."""

    def __init__(self, code: AuthorizationCode, *, compare_redirect_uri: bool) -> None:
        self.code = code
        self.code_challenge = code.code_challenge
        self._compare_redirect_uri = compare_redirect_uri

    def get_redirect_uri(self) -> str | None:
        return self.code.redirect_uri if self._compare_redirect_uri else None

    def get_scope(self) -> str:
        return " ".join(self.code.scopes)


class AuthorizationCodeGrant(AuthlibAuthorizationCodeGrant):
    """Client, redirect URI and PKCE are checked by Authlib, in this order, before the code is touched."""

    def query_authorization_code(self, code: str, client: OAuthClient) -> OAuthCode | None:
        with self.server.provider.database.autocommit() as stores:
            found = stores.codes.find(digest(code))
        if found is None or found.client_id != client.client_id:
            return None
        # OAuth 2.1 clients don't send redirect_uri here; a code without PKCE has nothing else that binds it
        sent = self.request.payload.redirect_uri is not None
        return OAuthCode(found, compare_redirect_uri=sent or found.code_challenge is None)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        server, code = self.server, self.request.authorization_code.code
        provider, client = server.provider, self.request.client.client
        scopes = server.narrow(code.scopes, code.resources, self.request.parameters.all("resource"))
        seed = new_seed()
        grant = redeem(
            provider.database,
            code,
            seed=seed,
            mac_kid=provider.mac_keys.current,
            policy=FamilyPolicy(
                own_or(client.refresh_idle_lifetime, provider.settings.refresh_idle_lifetime),
                own_or(client.refresh_absolute_lifetime, provider.settings.refresh_absolute_lifetime),
            ),
            origin=server.origin,
            now=server.now,
        )
        if grant is None:
            raise InvalidGrantError("The code is not valid.")
        refresh_token = None
        if "offline_access" in grant.scopes and "refresh_token" in client.grant_types:
            content = RefreshToken(grant.family_id, grant.generation, seed)
            refresh_token = mint_refresh_token(provider.mac_keys, content, mac_kid=grant.mac_kid)
        body = server.token_response(grant, client, scopes=scopes, refresh_token=refresh_token, nonce=code.nonce)
        return 200, body, self.TOKEN_RESPONSE_HEADER
