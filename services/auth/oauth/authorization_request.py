"""From the parameters of /authorize to a checked AuthorizationRequest: an ordered list of short checks.

Spec: RFC 6749 s4.1.1 and s4.1.2.1, OpenID Connect Core s3.1.2.1 and s3.1.2.2, RFC 8707 s2, RFC 9700 s2.1
Until client and redirect URI are known to be good, an error is a page; after that it is a redirect.
"""

import re

from authlib.oauth2 import OAuth2Error

from services.auth.authorization.request import PROMPTS, RESPONSE_MODES, AuthorizationRequest
from services.auth.clients import Client
from services.auth.oauth.errors import ErrorPage, ErrorRedirect, describe
from services.auth.oauth.request import Parameters
from services.auth.oauth.server import OAuthServer
from services.auth.scopes import ScopeCatalogue, UnknownResource, split_scope

#: Longest state and nonce, in characters.
MAX_LENGTH = 4096

_RESPONSE_TYPE = re.compile(r"[a-z_ ]{1,100}")
_LONGEST_MAX_AGE = 10**9  # seconds: some thirty years, which a timedelta can hold
_MAX_AGE = re.compile(r"[0-9]{1,30}")


def validate_authorization_request(server: OAuthServer, parameters: Parameters) -> AuthorizationRequest:
    """Check every parameter.

    Raises:
        ErrorPage: to be shown, never redirected.
        ErrorRedirect: to be told to the client.
    """
    client, redirect_uri = _client_and_redirect_uri(server, parameters)
    try:
        return _validate_for(server, client, redirect_uri, parameters)
    except _RefusedError as refused:
        state = None if "state" in parameters.repeated else parameters.get("state")
        raise ErrorRedirect(redirect_uri, state, refused.error, refused.description) from refused


class _RefusedError(Exception):
    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def _client_and_redirect_uri(server: OAuthServer, parameters: Parameters) -> tuple[Client, str]:
    if parameters.repeated & {"client_id", "redirect_uri"}:
        raise ErrorPage("repeated_parameter", "invalid_request")
    client_id = parameters.get("client_id")
    if client_id is None:
        raise ErrorPage("missing_client", "invalid_request")
    client = server.provider.registrations.find_client(client_id, server.now)
    if client is None:
        raise ErrorPage("unknown_client", "invalid_client")
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None:
        raise ErrorPage("missing_redirect_uri", "invalid_request")
    if not client.has_redirect_uri(redirect_uri):
        raise ErrorPage("unregistered_redirect_uri", "invalid_request")
    return client, redirect_uri


def _validate_for(
    server: OAuthServer, client: Client, redirect_uri: str, parameters: Parameters
) -> AuthorizationRequest:
    if parameters.repeated:
        raise _RefusedError("invalid_request", "A parameter is repeated.")
    _check_unsupported(parameters)
    if not client.first_party:
        raise _RefusedError("unauthorized_client", "This client needs consent, which is not available yet.")
    _check_response_type_and_pkce(server, parameters)
    scopes = _scopes(client, server.provider.registrations.catalogue(server.now), parameters)
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        scopes=scopes,
        resources=_resources(server, scopes, parameters),
        state=_bounded(parameters, "state"),
        nonce=_bounded(parameters, "nonce"),
        code_challenge=parameters.get("code_challenge"),
        prompts=_prompts(parameters),
        max_age=_max_age(parameters),
        login_hint=_login_hint(parameters),
    )


def _check_unsupported(parameters: Parameters) -> None:
    if parameters.get("request") is not None:
        raise _RefusedError("request_not_supported", "Request objects are not supported.")
    if parameters.get("request_uri") is not None:
        raise _RefusedError("request_uri_not_supported", "Request URIs are not supported.")
    if parameters.get("response_mode") not in {None, *RESPONSE_MODES}:
        raise _RefusedError("invalid_request", "The response_mode must be query.")


def _check_response_type_and_pkce(server: OAuthServer, parameters: Parameters) -> None:
    response_type = parameters.get("response_type")
    if response_type is None:
        raise _RefusedError("invalid_request", "The response_type is missing.")
    if not _RESPONSE_TYPE.fullmatch(response_type):  # Authlib answers a quote in it with an exception of its own
        raise _RefusedError("unsupported_response_type", "This response type is not supported.")
    try:
        server.check_response_type_and_pkce(parameters)
    except OAuth2Error as error:
        raise _RefusedError(error.error, describe(error)) from error


def _scopes(client: Client, catalogue: ScopeCatalogue, parameters: Parameters) -> frozenset[str]:
    asked = split_scope(parameters.get("scope")) & catalogue.names  # unknown scopes are ignored
    if not asked:
        raise _RefusedError("invalid_scope", "A known scope is required.")
    if not asked <= client.scopes:
        raise _RefusedError("invalid_scope", "A requested scope is not available to this client.")
    return asked if "refresh_token" in client.grant_types else asked - {"offline_access"}


def _resources(server: OAuthServer, scopes: frozenset[str], parameters: Parameters) -> tuple[str, ...]:
    catalogue = server.provider.registrations.catalogue(server.now)
    try:
        catalogue.narrow_to_asked(scopes, parameters.all("resource"))
        return catalogue.resources(parameters.all("resource"))
    except UnknownResource as error:
        raise _RefusedError("invalid_target", "The resource is unknown or none of its scopes was requested.") from error


def _bounded(parameters: Parameters, name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and len(value) > MAX_LENGTH:
        raise _RefusedError("invalid_request", f"The {name} is too long.")
    return value


def _prompts(parameters: Parameters) -> frozenset[str]:
    asked = split_scope(parameters.get("prompt"))
    if "none" in asked and len(asked) > 1:
        raise _RefusedError("invalid_request", "prompt=none stands alone.")
    return asked & PROMPTS


def _max_age(parameters: Parameters) -> int | None:
    value = parameters.get("max_age")
    if value is None:
        return None
    if not _MAX_AGE.fullmatch(value):
        raise _RefusedError("invalid_request", "The max_age must be a number of seconds.")
    return min(int(value), _LONGEST_MAX_AGE)


def _login_hint(parameters: Parameters) -> str | None:
    hint = parameters.get("login_hint")
    return hint[:200] if hint else None
