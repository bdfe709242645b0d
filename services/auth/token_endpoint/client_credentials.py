"""The client_credentials grant: an access token for the client itself, and nothing else.

Spec: RFC 6749 s4.4, OAuth 2.1 s4.2, RFC 9700 s2.6; Policy: ADR-0002
No statement but for a client that this process has not seen for some seconds; one signature.
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant as AuthlibClientCredentialsGrant

from services.auth.scopes import split_scope


class ClientCredentialsGrant(AuthlibClientCredentialsGrant):
    """Authlib authenticates and looks at the registration; scopes are decided here."""

    def validate_requested_scope(self) -> None:
        """Decide the scopes: those asked for, else the client's own, cut to what a machine may have."""
        server, client = self.server, self.request.client.client
        if client.public:
            raise UnauthorizedClientError
        catalogue = server.catalogue
        asked, own = split_scope(self.request.payload.scope) & catalogue.names, client.scopes
        if self.request.payload.scope and not asked:
            raise InvalidScopeError("A known scope is required.")
        if not asked <= own:
            raise InvalidScopeError("A requested scope is not available to this client.")
        granted = catalogue.entitled_machine(asked or own)
        self._scopes = server.narrow(granted, (), self.request.parameters.all("resource"))
        if not self._scopes:
            raise InvalidScopeError("A scope of an API is required.")

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        server, client = self.server, self.request.client.client
        status = server.provider.registrations.machine_place(client, server.now)
        if status is None:
            raise InvalidClientError
        body = server.provider.token_issuer.machine_token_response(
            client, catalogue=server.catalogue, scopes=self._scopes, status=status, now=server.now
        )
        return 200, body, self.TOKEN_RESPONSE_HEADER
