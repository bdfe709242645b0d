"""The client_credentials grant: an access token for the client itself, and nothing else.

Spec: RFC 6749 s4.4, OAuth 2.1 s4.2, RFC 9700 s2.6; Policy: ADR-0002
No statement but for a client that this process has not seen for some seconds; one signature.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.audit import Refusal
from services.auth.clients.client import Client
from services.auth.protocol.errors import InvalidClient, InvalidScope, UnauthorizedClient
from services.auth.protocol.parameters import ClientRequest
from services.auth.scopes import ScopeCatalogue, split_scope
from services.auth.token_endpoint.user_tokens import Catalogues, narrow
from services.auth.tokens.issue import Issued, TokenIssuer
from services.auth.tokens.status_list import StatusReference


class Machines(Catalogues, Protocol):
    """The port to what is registered of clients that act for themselves."""

    def machine_status(self, client: Client, now: datetime) -> StatusReference | None:
        """Return the bit that ends the client's tokens; None: the client is disabled."""
        ...


@dataclass(frozen=True)
class ClientCredentialsGrant:
    """The scopes are those asked for, else the client's own, cut to what a machine may have."""

    machines: Machines
    token_issuer: TokenIssuer
    grant_type: str = "client_credentials"
    event: str = "machine_tokens_issued"

    def authorize(self, request: ClientRequest, client: Client) -> Issued:
        """Decide the scopes and name the client's bit of the status list."""
        if client.public:
            raise UnauthorizedClient(Refusal.MACHINE_CLIENT_PUBLIC)
        catalogue = self.machines.catalogue(request.now)
        scopes = _granted(request, client, catalogue)
        status = self.machines.machine_status(client, request.now)
        if status is None:
            raise InvalidClient(Refusal.MACHINE_CLIENT_DISABLED)
        return self.token_issuer.for_machine(client, catalogue=catalogue, scopes=scopes, status=status, now=request.now)


def _granted(request: ClientRequest, client: Client, catalogue: ScopeCatalogue) -> frozenset[str]:
    asked = split_scope(request.get("scope")) & catalogue.names
    if request.get("scope") and not asked:
        raise InvalidScope(Refusal.MACHINE_SCOPE_UNKNOWN, "A known scope is required.")
    if not asked <= client.scopes:
        raise InvalidScope(Refusal.MACHINE_SCOPE_NOT_REGISTERED, "A requested scope is not available to this client.")
    granted = narrow(catalogue, request, catalogue.entitled_machine(asked or client.scopes))
    if not granted:
        raise InvalidScope(Refusal.MACHINE_SCOPE_OF_NO_API, "A scope of an API is required.")
    return granted
