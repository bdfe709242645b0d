"""What the grants of a user's authorization share: how far its tokens reach, and what is issued for it.

Spec: RFC 6749 s3.3 and s6, RFC 8707 s2.2, OpenID Connect Core s5.5
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.accounts.requested_claims import answered
from services.auth.accounts.user import Users
from services.auth.audit import Refusal
from services.auth.clients.client import Client
from services.auth.protocol.errors import InvalidScope, InvalidTarget
from services.auth.protocol.parameters import ClientRequest
from services.auth.scopes import ScopeCatalogue, UnknownResource, split_scope
from services.auth.tokens.family import Grant
from services.auth.tokens.issue import Issued, TokenIssuer


class Catalogues(Protocol):
    """The port to the scopes that there are."""

    def catalogue(self, now: datetime) -> ScopeCatalogue: ...


class UserStores(Protocol):
    """Where the user's claims are read."""

    @property
    def users(self) -> Users: ...


class UserDatabase(Protocol):
    """Opens those stores for one statement."""

    def autocommit(self) -> AbstractContextManager[UserStores]: ...


@dataclass(frozen=True)
class UserTokens:
    """Issues for a family: what the code and the refresh grant end with."""

    catalogues: Catalogues
    database: UserDatabase
    token_issuer: TokenIssuer

    def narrow(self, request: ClientRequest, scopes: frozenset[str], resources: tuple[str, ...]) -> frozenset[str]:
        """Return the scopes of one access token: `scopes` cut to `resources`, then to the request's `resource`s.

        Raises:
            InvalidTarget: a resource out of reach.
        """
        catalogue = self.catalogues.catalogue(request.now)
        return narrow(catalogue, request, catalogue.narrow(scopes, resources))

    def known_scopes(self, request: ClientRequest, granted: frozenset[str]) -> frozenset[str]:
        """Return the scopes that the request names, without the unknown ones: /authorize ignores those too.

        Raises:
            InvalidScope: it names none that is known.
        """
        named = split_scope(request.get("scope"))
        known = named & (self.catalogues.catalogue(request.now).names | granted)
        if named and not known:
            raise InvalidScope(Refusal.SCOPE_UNKNOWN, "A known scope is required.")
        return known

    def issue(
        self,
        grant: Grant,
        client: Client,
        *,
        scopes: frozenset[str],
        refresh_token: str | None,
        nonce: str | None,
        now: datetime,
    ) -> Issued:
        """Return what the grant is worth now; `scopes` are narrowed already."""
        return self.token_issuer.for_user(
            grant,
            client,
            catalogue=self.catalogues.catalogue(now),
            scopes=scopes,
            refresh_token=refresh_token,
            nonce=nonce,
            requested=self._requested(grant, client),
            now=now,
        )

    def _requested(self, grant: Grant, client: Client) -> dict[str, object]:
        """Return what the user has of the claims for the ID token, as of now: those asked for by name that the client
        may have, and those of the granted scopes for a client that is registered to get them there.
        """
        asked = grant.authorization.claims.within(client.scopes).id_token
        if not asked and not client.id_token_profile_claims:  # nearly always: a refresh stays one statement
            return {}
        with self.database.autocommit() as stores:
            user = stores.users.find(grant.authorization.user_id)
        if user is None:
            return {}
        granted = grant.authorization.scopes & client.scopes if client.id_token_profile_claims else frozenset[str]()
        return {**user.claims_for(granted), **answered(asked, user.standard_claims)}


def narrow(catalogue: ScopeCatalogue, request: ClientRequest, scopes: frozenset[str]) -> frozenset[str]:
    """Return `scopes` cut to the `resource` parameters of the request.

    Raises:
        InvalidTarget: a resource out of reach.
    """
    try:
        return catalogue.narrow_to_asked(scopes, request.parameters.all("resource"))
    except UnknownResource as error:
        raise InvalidTarget(Refusal.RESOURCE_OUT_OF_REACH) from error
