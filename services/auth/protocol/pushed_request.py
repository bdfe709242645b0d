"""Pushed authorization requests: the client proves who it is, and everything is checked before a browser comes.

Spec: RFC 9126 s2
"""

from collections.abc import Mapping

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError

from services.auth.authorization.pushed import push_request
from services.auth.protocol.authorization_request import validate_authorization_request
from services.auth.protocol.errors import ErrorPage, ErrorRedirect
from services.auth.protocol.parameters import Parameters
from services.auth.token_endpoint.pipeline import OAuthResponse, OAuthServer

#: What /authorize would say on a page, said to the client.
_SENTENCES = {
    "missing_redirect_uri": "The redirect_uri is missing.",
    "unregistered_redirect_uri": "The redirect_uri is not registered for this client.",
}


def answer_pushed_request(server: OAuthServer, parameters: Parameters, headers: Mapping[str, str]) -> OAuthResponse:
    """Answer POST /par: the request_uri of the stored request, or why there is none."""
    try:
        if parameters.repeated:
            raise InvalidRequestError("A parameter is repeated.")
        client_id = server.authenticated_client("/par", parameters, headers).client_id
        if parameters.get("request_uri") is not None:
            raise InvalidRequestError("A pushed request holds no request_uri.")
    except OAuth2Error as error:
        return server.handle_error_response(None, error)
    # a client that has authenticated by a header need not name itself again
    named = Parameters((*(pair for pair in parameters.pairs if pair[0] != "client_id"), ("client_id", client_id)))
    try:
        checked = validate_authorization_request(server, named, pushed=True)
    except ErrorPage as error:
        return _refusal(error.error, _SENTENCES.get(error.case, "The request was refused."))
    except ErrorRedirect as error:
        return _refusal(error.error, error.description)
    lifetime = server.provider.settings.pushed_request_lifetime
    with server.provider.database.autocommit() as stores:
        request_uri = push_request(stores.waiting_requests, checked, lifetime=lifetime, now=server.now)
    return OAuthResponse(201, {"request_uri": request_uri, "expires_in": int(lifetime.total_seconds())}, {})


def _refusal(error: str, description: str) -> OAuthResponse:
    return OAuthResponse(400, {"error": error, "error_description": description}, {})
