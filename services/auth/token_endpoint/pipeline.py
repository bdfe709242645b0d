"""The authorization server of one request: what Authlib calls back into, and what the endpoints call.

Spec: RFC 6749, RFC 7009, RFC 7662; Policy: ADR-0003
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, UnsupportedGrantTypeError

from services.auth.accounts.requested_claims import answered
from services.auth.audit import Origin
from services.auth.cache.registrations import Registrations
from services.auth.clients.assertion import verify_assertion
from services.auth.clients.client import Client
from services.auth.keys.key_ring import KeyRing
from services.auth.protocol.client_authentication import OAuthClient, authenticate_client
from services.auth.protocol.errors import InvalidTargetError, describe
from services.auth.protocol.introspection import introspect
from services.auth.protocol.parameters import Parameters, SeamRequest
from services.auth.protocol.pkce import S256CodeChallenge
from services.auth.protocol.token_revocation import RevocationEndpoint
from services.auth.scopes import ScopeCatalogue, UnknownResource
from services.auth.settings import AuthSettings
from services.auth.stores import AuthDatabase
from services.auth.token_endpoint.authorization_code import AuthorizationCodeGrant
from services.auth.token_endpoint.client_credentials import ClientCredentialsGrant
from services.auth.token_endpoint.refresh_token import RefreshTokenGrant
from services.auth.token_endpoint.token_exchange import TokenExchangeGrant
from services.auth.tokens.family import Grant
from services.auth.tokens.issue import TokenIssuer


@dataclass(frozen=True)
class Provider:
    """What the seam needs for as long as the process lives."""

    settings: AuthSettings
    database: AuthDatabase
    registrations: Registrations
    token_issuer: TokenIssuer
    mac_keys: KeyRing


class OAuthResponse(NamedTuple):
    """An answer of a JSON endpoint."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


class OAuthServer(AuthorizationServer):
    """Built for each request; `now` and `origin` are the request's."""

    def __init__(self, provider: Provider, *, origin: Origin, now: datetime) -> None:
        super().__init__()
        self.provider = provider
        self.origin = origin
        self.now = now
        self.register_grant(AuthorizationCodeGrant, [S256CodeChallenge(required=True)])
        self.register_grant(RefreshTokenGrant)
        self.register_grant(ClientCredentialsGrant)
        self.register_grant(TokenExchangeGrant)
        self.register_endpoint(RevocationEndpoint)

    # ------------------------------------------------ what the endpoints call

    def answer_token_request(self, parameters: Parameters, headers: Mapping[str, str]) -> OAuthResponse:
        """Answer POST /token; every refusal is an answer too."""
        response: OAuthResponse = self.create_token_response(self._request("/token", parameters, headers))
        return response

    def answer_revocation_request(self, parameters: Parameters, headers: Mapping[str, str]) -> OAuthResponse:
        """Answer POST /revoke."""
        request = self._request("/revoke", parameters, headers)
        if parameters.repeated:
            return self.handle_error_response(request, InvalidRequestError("A parameter is repeated."))
        response: OAuthResponse = self.create_endpoint_response("revocation", request)
        return response

    def answer_introspection_request(self, parameters: Parameters, headers: Mapping[str, str]) -> OAuthResponse:
        """Answer POST /introspect."""
        request = self._request("/introspect", parameters, headers)
        try:
            return OAuthResponse(200, introspect(self, request), {})
        except OAuth2Error as error:
            return self.handle_error_response(request, error)

    def check_response_type_and_pkce(self, parameters: Parameters) -> None:
        """Let Authlib check an authorization request whose client and redirect URI are known to be good.

        Raises:
            OAuth2Error: with the error to redirect with.
        """
        self.get_consent_grant(self._request("/authorize", parameters, {}))

    def authenticated_client(self, path: str, parameters: Parameters, headers: Mapping[str, str]) -> Client:
        """Return the client that a request comes from, by its registered method.

        Raises:
            OAuth2Error: it proves to be none.
        """
        return self.authenticate_client(self._request(path, parameters, headers), None).client

    def _request(self, path: str, parameters: Parameters, headers: Mapping[str, str]) -> SeamRequest:
        method = "GET" if path == "/authorize" else "POST"
        # Authlib refuses a URL without TLS; whether ours may lack it is for the settings to say
        return SeamRequest(method, f"https://auth.invalid{path}", parameters, headers)

    # ------------------------------------------------ what the grants call

    @property
    def catalogue(self) -> ScopeCatalogue:
        """Every scope there is."""
        return self.provider.registrations.catalogue(self.now)

    def narrow(self, scopes: frozenset[str], resources: tuple[str, ...], asked: list[str]) -> frozenset[str]:
        """Return the scopes of one access token: the grant's, cut to its resources, then to those asked for.

        Raises:
            InvalidTargetError: a resource out of reach.
        """
        catalogue = self.catalogue
        try:
            return catalogue.narrow_to_asked(catalogue.narrow(scopes, resources), asked)
        except UnknownResource as error:
            raise InvalidTargetError from error

    def token_response(
        self, grant: Grant, client: Client, *, scopes: frozenset[str], refresh_token: str | None, nonce: str | None
    ) -> dict[str, Any]:
        """Return the members of a successful answer."""
        return self.provider.token_issuer.token_response(
            grant,
            client=client,
            catalogue=self.catalogue,
            scopes=scopes,
            refresh_token=refresh_token,
            nonce=nonce,
            now=self.now,
            requested=self._requested_claims(grant, client),
        )

    def _requested_claims(self, grant: Grant, client: Client) -> dict[str, Any]:
        """Return what the user has of the claims asked for in the ID token, and what the client may have, as of now."""
        asked = grant.claims.within(client.scopes).id_token
        if not asked:  # nearly always: a refresh stays one statement
            return {}
        with self.provider.database.autocommit() as stores:
            user = stores.users.find(grant.user_id)
        return {} if user is None else answered(asked, user.standard_claims)

    # ------------------------------------------------ what Authlib calls

    def query_client(self, client_id: str) -> OAuthClient | None:
        client = self.provider.registrations.find_client(client_id, self.now)
        return None if client is None else OAuthClient(client)

    def authenticate_client(self, request: SeamRequest, methods: Any, endpoint: str = "token") -> OAuthClient:
        del methods, endpoint  # the client's registration decides, the same at every endpoint
        return authenticate_client(request, _Registry(self, urlsplit(request.uri).path))

    def get_token_grant(self, request: SeamRequest) -> Any:
        if request.parameters.repeated:
            raise _TokenRequestError("A parameter is repeated.")
        if request.payload.grant_type is None:
            raise _TokenRequestError("The grant_type is missing.")
        return super().get_token_grant(request)

    def create_oauth2_request(self, request: SeamRequest) -> SeamRequest:
        return request

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> OAuthResponse:
        return OAuthResponse(status, body, {name.lower(): value for name, value in headers})

    def handle_error_response(self, request: SeamRequest | None, error: OAuth2Error) -> OAuthResponse:
        del request
        headers = {"www-authenticate": 'Basic realm="auth"'} if error.status_code == 401 else {}
        return OAuthResponse(error.status_code, {"error": error.error, "error_description": describe(error)}, headers)


def registered_grant_types(provider: Provider) -> tuple[str, ...]:
    """Return the grant types that /token answers, in the order in which they are registered."""
    server = OAuthServer(provider, origin=Origin("", ""), now=datetime.min.replace(tzinfo=UTC))
    return tuple(grant.GRANT_TYPE for grant, _ in server._token_grants)  # noqa: SLF001 - Authlib tells it no other way


@dataclass(frozen=True)
class _Registry:
    """Implements `client_authentication.Registry` for one request, sent to this path."""

    server: OAuthServer
    path: str

    def find_client(self, client_id: str) -> Client | None:
        return self.server.provider.registrations.find_client(client_id, self.server.now)

    def accept_assertion(self, client: Client, assertion: str) -> bool:
        provider, now = self.server.provider, self.server.now
        issuer = provider.settings.issuer
        addresses = frozenset({f"{issuer}/token", f"{issuer}{self.path}"})
        use = verify_assertion(assertion, client, issuer=issuer, addresses=addresses, now=now)
        if use is None:
            return False
        with provider.database.autocommit() as stores:
            return stores.assertions.use(use, now)


class _TokenRequestError(UnsupportedGrantTypeError):
    """An invalid_request that Authlib lets a grant look-up raise."""

    error = "invalid_request"

    def __init__(self, description: str) -> None:
        super().__init__(None)
        self.description = description
