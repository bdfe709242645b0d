"""The token exchange grant: one API trades its caller's access token for one that another API accepts.

Spec: RFC 8693 s2; Policy: ADR-0012
An ordered list of short checks; what is wrong with a subject token is not told, so that nobody can try tokens here.
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from services.auth.clients.client import Client
from services.auth.protocol.errors import InvalidTargetError
from services.auth.scopes import UnknownResource, split_scope
from services.auth.tokens.access_token import family_of, verify_own_access_token
from services.auth.tokens.issue import ACCESS_TOKEN_TYPE


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):
    """Authlib has nothing for RFC 8693: all of it is here."""

    GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"

    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()
        client = self.request.client.client
        if client.public or not self.request.client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError
        self._check_types()
        self._subject = self._subject_claims(client)
        self._resource = self._target()
        self._scopes = self._granted(client)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        server = self.server
        body = server.provider.token_issuer.exchanged_token_response(
            self._subject,
            client=self.request.client.client,
            resource=self._resource,
            scopes=self._scopes,
            now=server.now,
        )
        return 200, body, self.TOKEN_RESPONSE_HEADER

    def _check_types(self) -> None:
        parameters = self.request.parameters
        if parameters.get("subject_token") is None:
            raise InvalidRequestError("The subject_token is missing.")
        if parameters.get("subject_token_type") != ACCESS_TOKEN_TYPE:
            raise InvalidRequestError("The subject_token_type must be that of an access token.")
        if parameters.get("requested_token_type") not in {None, ACCESS_TOKEN_TYPE}:
            raise InvalidRequestError("The requested_token_type must be that of an access token.")
        if parameters.get("actor_token") or parameters.get("actor_token_type"):
            raise InvalidRequestError("Actor tokens are not supported: the client itself acts.")

    def _subject_claims(self, client: Client) -> dict[str, Any]:
        """Return the claims of a live access token of a person that was meant for this client's API."""
        provider, now = self.server.provider, self.server.now
        issuer = provider.token_issuer
        text = self.request.parameters.get("subject_token")
        claims = verify_own_access_token(issuer.signer, text, issuer=issuer.issuer, now=now)
        family_id = None if claims is None else family_of(claims)
        # one that was traded already goes no further, and a machine asks for a token of its own
        if claims is None or family_id is None or "act" in claims or not client.speaks_for(claims["aud"]):
            raise InvalidRequestError(_BAD_SUBJECT)
        with provider.database.autocommit() as stores:
            family = stores.families.find(family_id)
        if family is None or not family.live(now):
            raise InvalidRequestError(_BAD_SUBJECT)
        provider.registrations.look_again(client)  # no row of the acting client's own ends what it trades
        return claims

    def _target(self) -> str:
        parameters = self.request.parameters
        if parameters.get("audience") is not None:
            raise InvalidRequestError("The target is named by resource, not by audience.")
        asked = parameters.all("resource")
        if not asked:
            raise InvalidRequestError("The resource is missing.")
        try:
            resources: tuple[str, ...] = self.server.catalogue.resources(asked)
        except UnknownResource as error:
            raise InvalidTargetError from error
        if len(resources) != 1:
            raise InvalidTargetError
        return resources[0]

    def _granted(self, client: Client) -> frozenset[str]:
        """Return the scopes: what the registration allows at the target, of those asked for and the user's own."""
        allowed = client.exchange_scopes(self._resource)
        if allowed is None:
            raise InvalidTargetError
        catalogue = self.server.catalogue
        asked = split_scope(self.request.payload.scope) & catalogue.names
        if self.request.payload.scope and not asked:
            raise InvalidScopeError("A known scope is required.")
        if not asked <= allowed:
            raise InvalidScopeError("A requested scope is not available to this client.")
        possible = (asked or allowed) & client.scopes & catalogue.scopes_of(self._resource)
        granted: frozenset[str] = catalogue.entitled(possible, self._subject.get("roles", ()))
        if not granted:
            raise InvalidScopeError("None of the scopes is available.")
        return granted


_BAD_SUBJECT = "The subject_token is not valid."
