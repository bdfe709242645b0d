"""Client authentication: by the method that the client is registered for, and by one method alone.

Spec: RFC 6749 s2.3, s2.3.1 and s3.2.1, RFC 7521 s4.2, OpenID Connect Core s9
"""

import base64
import binascii
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import unquote_to_bytes

from services.auth.audit import Refusal
from services.auth.clients.assertion import JWT_BEARER, UsedAssertions, claimed_client, verify_assertion
from services.auth.clients.client import Client, secret_matches
from services.auth.clients.registration import BY_SECRET
from services.auth.protocol.errors import InvalidClient, InvalidRequest
from services.auth.protocol.parameters import ClientRequest
from shared.request_context import note

_FAILED = "Client authentication failed."
#: Characters of the longest Basic header that is decoded: a secret of 1,000, all of them escaped, takes 4,000 of them.
_LONGEST_BASIC = 8192


@dataclass(frozen=True, repr=False)
class _Credentials:
    """`proof`: a secret or an assertion."""

    method: str
    client_id: str
    proof: str


class RegisteredClients(Protocol):
    """The port to what is registered."""

    def find_client(self, client_id: str, now: datetime) -> Client | None:
        """Return an enabled client."""
        ...


class AssertionStores(Protocol):
    """Where assertions are used up."""

    @property
    def assertions(self) -> UsedAssertions: ...


class AssertionDatabase(Protocol):
    """Opens those stores for one statement."""

    def autocommit(self) -> AbstractContextManager[AssertionStores]: ...


@dataclass(frozen=True)
class ClientAuthentication:
    """Who sends a request: the same rules at every endpoint."""

    clients: RegisteredClients
    database: AssertionDatabase
    issuer: str

    def authenticate(self, request: ClientRequest) -> Client:
        """Return the client that the request proves to come from (or, public, names).

        An unknown client and a wrong secret get the same answer after the same work.

        Raises:
            InvalidClient: unknown, wrong secret or assertion, or another method than the registered one.
            InvalidRequest: more than one method, or none that names a client.
        """
        credentials = _credentials(request)
        note(claimed_client_id=credentials.client_id[:100])
        client = self.clients.find_client(credentials.client_id, request.now)
        if client is not None and client.public and credentials.method in BY_SECRET and not credentials.proof:
            note(client_id=client.client_id)
            return client  # Go's client sends `Basic client_id:` first: an empty secret is none
        fits = client is not None and credentials.method in client.auth_methods
        reason = None
        if credentials.method.startswith("client_secret_"):
            proved = secret_matches(credentials.proof, client.secret_hashes if client is not None else ())
            reason = None if proved else Refusal.CLIENT_SECRET_WRONG
        elif fits and client is not None and credentials.method == "private_key_jwt":
            reason = self._accept_assertion(client, credentials.proof, request)
        status = 401 if credentials.method == "client_secret_basic" else 400
        if client is None:
            raise InvalidClient(Refusal.CLIENT_UNKNOWN, _FAILED, status=status)
        note(client_id=client.client_id)
        if not fits:
            reason = Refusal.CLIENT_METHOD_NOT_REGISTERED
        if reason is not None:
            raise InvalidClient(reason, _FAILED, status=status)
        return client

    def _accept_assertion(self, client: Client, assertion: str, request: ClientRequest) -> Refusal | None:
        """Verify an assertion of this client, and use it up; return what is wrong with it."""
        addresses = frozenset({f"{self.issuer}/token", f"{self.issuer}{request.path}"})
        use = verify_assertion(assertion, client, issuer=self.issuer, addresses=addresses, now=request.now)
        if isinstance(use, Refusal):
            return use
        with self.database.autocommit() as stores:
            return None if stores.assertions.use(use, request.now) else Refusal.CLIENT_ASSERTION_REPLAYED


def _credentials(request: ClientRequest) -> _Credentials:
    parameters = request.parameters
    header, secret = request.authorization, parameters.get("client_secret")
    assertion = parameters.get("client_assertion")
    if sum(proof is not None for proof in (header, secret, assertion)) > 1:
        raise InvalidRequest(Refusal.CLIENT_METHODS_MIXED, "More than one client authentication method.")
    if parameters.get("client_assertion_type") is not None or assertion is not None:
        found = _parse_assertion(assertion, parameters.get("client_assertion_type"))
    elif header is not None:
        found = _parse_basic(header)
    else:
        return _named(parameters.get("client_id"), secret)
    if parameters.get("client_id") not in {None, found.client_id}:
        raise InvalidRequest(Refusal.CLIENT_ID_DIFFERS, "The client_id is not that of the client authentication.")
    return found


def _named(client_id: str | None, secret: str | None) -> _Credentials:
    if client_id is None:
        raise InvalidClient(Refusal.CLIENT_MISSING, "Client authentication or client_id is missing.")
    if secret is not None:
        return _Credentials("client_secret_post", client_id, secret)
    return _Credentials("none", client_id, "")


def _parse_assertion(assertion: str | None, assertion_type: str | None) -> _Credentials:
    """Find out whose assertion it claims to be (RFC 7521 s4.2: client_id is not needed beside it)."""
    if assertion is None or assertion_type != JWT_BEARER:
        raise InvalidClient(
            Refusal.CLIENT_ASSERTION_INCOMPLETE, "client_assertion and its one client_assertion_type come together."
        )
    client_id = claimed_client(assertion)
    if client_id is None:
        raise InvalidClient(Refusal.CLIENT_ASSERTION_UNREADABLE, _FAILED)
    return _Credentials("private_key_jwt", client_id, assertion)


def _parse_basic(header: str) -> _Credentials:
    """Split at the first colon, then form-decode both halves (RFC 6749 s2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient(Refusal.CLIENT_HEADER_NOT_BASIC, _FAILED, status=401)
    try:
        client_id, _, secret = _decoded(encoded).partition(b":")
        return _Credentials("client_secret_basic", _form_decode(client_id), _form_decode(secret))
    except (binascii.Error, ValueError) as error:
        raise InvalidClient(Refusal.CLIENT_HEADER_UNREADABLE, _FAILED, status=401) from error


def _decoded(encoded: str) -> bytes:
    if len(encoded) > _LONGEST_BASIC:
        raise ValueError("longer than any credentials")
    return base64.b64decode(encoded.strip(), validate=True)


def _form_decode(value: bytes) -> str:
    text = unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8")
    if "\0" in text:
        raise ValueError("a NUL character")
    return text
