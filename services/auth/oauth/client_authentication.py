"""Client authentication: by the method that the client is registered for, and by one method alone.

Spec: RFC 6749 s2.3, s2.3.1 and s3.2.1, OpenID Connect Core s9
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, InvalidRequestError

from services.auth.clients import Client
from services.auth.oauth.request import SeamRequest

_FAILED = "Client authentication failed."


class OAuthClient(ClientMixin):
    """A client as Authlib's grants ask it questions."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.client_id = client.client_id

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.client.grant_types

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.client.grant_types

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return self.client.has_redirect_uri(redirect_uri)

    def get_default_redirect_uri(self) -> None:
        """There is none: a request names its redirect URI."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Scopes are decided by `services.auth.scopes`, not here."""
        return scope or ""


@dataclass(frozen=True, repr=False)
class _Credentials:
    method: str
    client_id: str
    secret: str


def authenticate_client(request: SeamRequest, find_client: Callable[[str], Client | None]) -> OAuthClient:
    """Return the client that the request proves to come from (or, public, names).

    Raises:
        InvalidClientError: unknown, wrong secret, or another method than the registered one.
        InvalidRequestError: more than one method, or none that names a client.
    """
    credentials = _credentials(request)
    status = 401 if credentials.method == "client_secret_basic" else 400
    client = find_client(credentials.client_id)
    if client is None or credentials.method not in client.auth_methods:
        raise InvalidClientError(_FAILED, status_code=status)
    if credentials.method != "none" and not client.has_secret(credentials.secret):
        raise InvalidClientError(_FAILED, status_code=status)
    request.auth_method = credentials.method
    return OAuthClient(client)


def _credentials(request: SeamRequest) -> _Credentials:
    header = request.headers.get("authorization")
    client_id = request.parameters.get("client_id")
    secret = request.parameters.get("client_secret")
    if request.parameters.get("client_assertion") or request.parameters.get("client_assertion_type"):
        raise InvalidClientError("Client assertions are not supported.")
    if header is not None:
        if secret is not None:
            raise InvalidRequestError("More than one client authentication method.")
        basic = _parse_basic(header)
        if client_id is not None and client_id != basic.client_id:
            raise InvalidRequestError("The client_id is not that of the Authorization header.")
        return basic
    if client_id is None:
        raise InvalidClientError("Client authentication or client_id is missing.")
    if secret is not None:
        return _Credentials("client_secret_post", client_id, secret)
    return _Credentials("none", client_id, "")


def _parse_basic(header: str) -> _Credentials:
    """Split at the first colon, then form-decode both halves (RFC 6749 s2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClientError(_FAILED, status_code=401)
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return _Credentials("client_secret_basic", _form_decode(client_id), _form_decode(secret))
    except (binascii.Error, ValueError) as error:
        raise InvalidClientError(_FAILED, status_code=401) from error


def _form_decode(value: bytes) -> str:
    text = unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8")
    if "\0" in text:
        raise ValueError("a NUL character")
    return text
