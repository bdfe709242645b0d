"""The token exchange grant: one API trades its caller's access token for one that another API accepts.

Spec: RFC 8693 s2; Policy: ADR-0012
An ordered list of short checks; what is wrong with a subject token is not told, so that nobody can try tokens here.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from services.auth.audit import Refusal
from services.auth.authorization.consent import Consents
from services.auth.clients.client import Client
from services.auth.protocol.client_authentication import RegisteredClients
from services.auth.protocol.errors import InvalidRequest, InvalidScope, InvalidTarget, UnauthorizedClient
from services.auth.protocol.parameters import ClientRequest
from services.auth.scopes import ScopeCatalogue, UnknownResource, split_scope
from services.auth.token_endpoint.user_tokens import Catalogues
from services.auth.tokens.access_token import OwnAccessToken, RevokedAccessTokens, verify_own_access_token
from services.auth.tokens.family import Families
from services.auth.tokens.issue import ACCESS_TOKEN_TYPE, Issued, TokenIssuer

_BAD_SUBJECT = "The subject_token is not valid."


class ExchangeStores(Protocol):
    """Where the family of the subject token is read."""

    @property
    def families(self) -> Families: ...
    @property
    def consents(self) -> Consents: ...
    @property
    def revoked_access_tokens(self) -> RevokedAccessTokens: ...


class ExchangeDatabase(Protocol):
    """Opens those stores for one statement."""

    def autocommit(self) -> AbstractContextManager[ExchangeStores]: ...


class Traders(Catalogues, RegisteredClients, Protocol):
    """The port to what is registered of clients that trade tokens."""

    def look_again(self, client: Client) -> None:
        """Make sure that the client is still enabled, and what it proved itself by still good.

        Raises:
            Unavailable: it has changed.
        """
        ...


@dataclass(frozen=True)
class TokenExchangeGrant:
    """One API acts for its caller at another API."""

    traders: Traders
    database: ExchangeDatabase
    token_issuer: TokenIssuer
    grant_type: str = "urn:ietf:params:oauth:grant-type:token-exchange"
    event: str = "tokens_exchanged"

    def authorize(self, request: ClientRequest, client: Client) -> Issued:
        """Verify the subject token, and decide target and scopes."""
        if client.public:
            raise UnauthorizedClient(Refusal.EXCHANGE_CLIENT_PUBLIC)
        catalogue = self.traders.catalogue(request.now)
        subject = self._subject(request, client)
        resource = _target(request, catalogue)
        scopes = _granted(request, client, subject, resource, catalogue) & self._allowed_by_the_user(request, subject)
        if not scopes:
            raise InvalidScope(Refusal.EXCHANGE_WITHOUT_SCOPE, "None of the scopes is available.")
        return self.token_issuer.for_exchange(subject, client, resource=resource, scopes=scopes, now=request.now)

    def _subject(self, request: ClientRequest, client: Client) -> OwnAccessToken:
        """Return a live access token of a person that was meant for this client's API."""
        text = request.require("subject_token", "The subject_token is missing.")
        _check_types(request)
        token = verify_own_access_token(
            self.token_issuer.signer, text, issuer=self.token_issuer.issuer, now=request.now
        )
        # one that was traded already goes no further, and a machine asks for a token of its own
        if token is None or token.family_id is None or token.traded or not client.speaks_for(token.audience):
            raise InvalidRequest(Refusal.EXCHANGE_TOKEN_REFUSED, _BAD_SUBJECT)
        with self.database.autocommit() as stores:
            family = stores.families.find(token.family_id)
            revoked = stores.revoked_access_tokens.has(token.jti)
        if revoked or family is None or not family.live(request.now):
            raise InvalidRequest(Refusal.EXCHANGE_TOKEN_OVER, _BAD_SUBJECT)
        self.traders.look_again(client)  # no row of the acting client's own ends what it trades
        return token

    def _allowed_by_the_user(self, request: ClientRequest, subject: OwnAccessToken) -> frozenset[str]:
        """Return the scopes that an API may get in the name of the client that the subject token is for.

        A first-party client does not limit them: an API may need of another one what the app itself may not read. A
        third party gets by way of an API no more than its user allowed it.
        """
        party = self.traders.find_client(subject.client_id, request.now)
        if party is not None and party.first_party:
            return self.traders.catalogue(request.now).names
        with self.database.autocommit() as stores:
            return stores.consents.find(subject.user_id, subject.client_id)


def _check_types(request: ClientRequest) -> None:
    if request.get("subject_token_type") != ACCESS_TOKEN_TYPE:
        raise InvalidRequest(Refusal.EXCHANGE_SUBJECT_TYPE, "The subject_token_type must be that of an access token.")
    if request.get("requested_token_type") not in {None, ACCESS_TOKEN_TYPE}:
        raise InvalidRequest(
            Refusal.EXCHANGE_REQUESTED_TYPE, "The requested_token_type must be that of an access token."
        )
    if request.get("actor_token") or request.get("actor_token_type"):
        raise InvalidRequest(Refusal.EXCHANGE_ACTOR_TOKEN, "Actor tokens are not supported: the client itself acts.")


def _target(request: ClientRequest, catalogue: ScopeCatalogue) -> str:
    if request.get("audience") is not None:
        raise InvalidRequest(Refusal.EXCHANGE_BY_AUDIENCE, "The target is named by resource, not by audience.")
    asked = request.parameters.all("resource")
    if not asked:
        raise InvalidRequest(Refusal.EXCHANGE_RESOURCE_MISSING, "The resource is missing.")
    try:
        resources = catalogue.resources(asked)
    except UnknownResource as error:
        raise InvalidTarget(Refusal.EXCHANGE_RESOURCE_UNKNOWN) from error
    if len(resources) != 1:
        raise InvalidTarget(Refusal.EXCHANGE_RESOURCES_MANY)
    return resources[0]


def _granted(
    request: ClientRequest, client: Client, subject: OwnAccessToken, resource: str, catalogue: ScopeCatalogue
) -> frozenset[str]:
    """Return the scopes: what the registration allows at the target, of those asked for and the user's own."""
    allowed = client.exchange_scopes(resource)
    if allowed is None:
        raise InvalidTarget(Refusal.EXCHANGE_TARGET_NOT_REGISTERED)
    asked = split_scope(request.get("scope")) & catalogue.names
    if request.get("scope") and not asked:
        raise InvalidScope(Refusal.EXCHANGE_SCOPE_UNKNOWN, "A known scope is required.")
    if not asked <= allowed:
        raise InvalidScope(Refusal.EXCHANGE_SCOPE_NOT_REGISTERED, "A requested scope is not available to this client.")
    possible = (asked or allowed) & client.scopes & catalogue.scopes_of(resource)
    return catalogue.entitled(possible, subject.roles)
