"""Client authentication: by the method that the client is registered for, and by one method alone.

Spec: RFC 6749 s2.3, s2.3.1 and s3.2.1, RFC 7521 s4.2, OpenID Connect Core s9
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_to_bytes

from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, InvalidRequestError

from services.auth.clients.assertion import JWT_BEARER, claimed_client
from services.auth.clients.client import Client, secret_matches
from services.auth.protocol.parameters import SeamRequest

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
    """`proof`: a secret or an assertion."""

    method: str
    client_id: str
    proof: str


class Registry(Protocol):
    """What authentication asks the provider."""

    def find_client(self, client_id: str) -> Client | None: ...

    def accept_assertion(self, client: Client, assertion: str) -> bool:
        """Verify an assertion of this client, and use it up."""
        ...


def authenticate_client(request: SeamRequest, registry: Registry) -> OAuthClient:
    """Return the client that the request proves to come from (or, public, names).

    An unknown client and a wrong secret get the same answer after the same work.

    Raises:
        InvalidClientError: unknown, wrong secret or assertion, or another method than the registered one.
        InvalidRequestError: more than one method, or none that names a client.
    """
    credentials = _credentials(request)
    status = 401 if credentials.method == "client_secret_basic" else 400
    client = registry.find_client(credentials.client_id)
    fits = client is not None and credentials.method in client.auth_methods
    if credentials.method.startswith("client_secret_"):
        proved = secret_matches(credentials.proof, client.secret_hashes if client is not None else ())
    else:
        proved = credentials.method == "none"
    if fits and client is not None and credentials.method == "private_key_jwt":
        proved = registry.accept_assertion(client, credentials.proof)
    if client is None or not fits or not proved:
        raise InvalidClientError(_FAILED, status_code=status)
    request.auth_method = credentials.method
    return OAuthClient(client)


def _credentials(request: SeamRequest) -> _Credentials:
    parameters = request.parameters
    header, secret = request.headers.get("authorization"), parameters.get("client_secret")
    assertion = parameters.get("client_assertion")
    if sum(proof is not None for proof in (header, secret, assertion)) > 1:
        raise InvalidRequestError("More than one client authentication method.")
    if parameters.get("client_assertion_type") is not None or assertion is not None:
        found = _parse_assertion(assertion, parameters.get("client_assertion_type"))
    elif header is not None:
        found = _parse_basic(header)
    else:
        return _named(parameters.get("client_id"), secret)
    if parameters.get("client_id") not in {None, found.client_id}:
        raise InvalidRequestError("The client_id is not that of the client authentication.")
    return found


def _named(client_id: str | None, secret: str | None) -> _Credentials:
    if client_id is None:
        raise InvalidClientError("Client authentication or client_id is missing.")
    if secret is not None:
        return _Credentials("client_secret_post", client_id, secret)
    return _Credentials("none", client_id, "")


def _parse_assertion(assertion: str | None, assertion_type: str | None) -> _Credentials:
    """Find out whose assertion it claims to be (RFC 7521 s4.2: client_id is not needed beside it)."""
    if assertion is None or assertion_type != JWT_BEARER:
        raise InvalidClientError("client_assertion and its one client_assertion_type come together.")
    client_id = claimed_client(assertion)
    if client_id is None:
        raise InvalidClientError(_FAILED)
    return _Credentials("private_key_jwt", client_id, assertion)


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
