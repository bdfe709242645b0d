"""Issuing: what a grant has decided becomes signed tokens, and nothing else of the suite signs any.

Spec: RFC 6749 s5.1, OpenID Connect Core s3.1.3.3 and s3.1.3.6, RFC 8693 s2.2.1, RFC 9449 s5 and s6
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.auth.clients.client import Client, own_or
from services.auth.keys.signer import Signer
from services.auth.scopes import ScopeCatalogue, join_scopes
from services.auth.tokens import access_token, id_token
from services.auth.tokens.access_token import Claims, OwnAccessToken
from services.auth.tokens.family import Grant
from services.auth.tokens.status_list import StatusReference
from shared.clock import epoch

#: The one kind of token that is traded, and traded for (RFC 8693 s3).
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"


@dataclass(frozen=True, repr=False)
class Issued:
    """What a grant has decided to give, not signed yet: the claims of its JWTs, and the refresh token.

    `expires_in`: seconds. `scope`: that of the access token. Of a traded token alone: `issued_token_type`, and the user
    `acting_for`.
    """

    access_token: Claims
    expires_in: int
    scope: str
    refresh_token: str | None = None
    id_token: Claims | None = None
    issued_token_type: str | None = None
    acting_for: UUID | None = None


@dataclass(frozen=True)
class TokenIssuer:
    """Signs what was issued. Decides nothing: scopes and refresh token are given."""

    issuer: str
    signer: Signer
    access_token_lifetime: timedelta
    id_token_lifetime: timedelta

    def issue(self, issued: Issued, jkt: str | None) -> dict[str, str | int]:
        """Sign, and return the JSON members of a successful answer of /token.

        `jkt`: the key that the access token is bound to; None: whoever has the token may use it.

        Raises:
            Unavailable: there is no key to sign with.
        """
        claims = issued.access_token if jkt is None else access_token.bound_to(issued.access_token, jkt)
        signed = self.signer.sign(claims, typ=access_token.TYP)
        answer: dict[str, str | int] = {
            "access_token": signed,
            "token_type": access_token.token_type(claims),
            "expires_in": issued.expires_in,
            "scope": issued.scope,
        }
        if issued.refresh_token is not None:
            answer["refresh_token"] = issued.refresh_token
        if issued.id_token is not None:
            identity = {**issued.id_token, "at_hash": id_token.at_hash(signed)}
            answer["id_token"] = self.signer.sign(identity, typ=id_token.TYP)
        if issued.issued_token_type is not None:
            answer["issued_token_type"] = issued.issued_token_type
        return answer

    def for_user(
        self,
        grant: Grant,
        client: Client,
        *,
        catalogue: ScopeCatalogue,
        scopes: frozenset[str],
        refresh_token: str | None,
        nonce: str | None,
        requested: Mapping[str, object],
        now: datetime,
    ) -> Issued:
        """Return what a user's grant is worth now.

        `scopes` are the grant's, already narrowed by scope and resource of this request; what the client or the
        user may not have any more is cut here. The ID token comes with `openid` in the grant. `requested`: the user's
        claims that the client asked for in the ID token.
        """
        entitled = catalogue.entitled(scopes & client.scopes, grant.roles)
        scope, lifetime = join_scopes(entitled), self._lifetime(client)
        claims = access_token.access_token_claims(
            grant,
            issuer=self.issuer,
            audience=catalogue.audience(entitled),
            scope=scope,
            lifetime=lifetime,
            now=now,
        )
        identity = None
        if "openid" in grant.authorization.scopes:
            identity = id_token.id_token_claims(
                grant, issuer=self.issuer, nonce=nonce, lifetime=self.id_token_lifetime, requested=requested, now=now
            )
        return Issued(claims, int(lifetime.total_seconds()), scope, refresh_token, identity)

    def for_machine(
        self,
        client: Client,
        *,
        catalogue: ScopeCatalogue,
        scopes: frozenset[str],
        status: StatusReference,
        now: datetime,
    ) -> Issued:
        """Return what a client gets for itself: an access token alone. `scopes` are final."""
        scope, lifetime = join_scopes(scopes), self._lifetime(client)
        claims = access_token.machine_token_claims(
            client.client_id,
            issuer=self.issuer,
            audience=catalogue.audience(scopes),
            scope=scope,
            lifetime=lifetime,
            status=status,
            now=now,
        )
        return Issued(claims, int(lifetime.total_seconds()), scope)

    def for_exchange(
        self, subject: OwnAccessToken, client: Client, *, resource: str, scopes: frozenset[str], now: datetime
    ) -> Issued:
        """Return what an API gets for its caller's token `subject`. `scopes` are final."""
        scope, lifetime = join_scopes(scopes), self._lifetime(client)
        claims = access_token.exchanged_token_claims(
            subject, client_id=client.client_id, audience=[resource], scope=scope, lifetime=lifetime, now=now
        )
        expires_in = min(int(lifetime.total_seconds()), subject.expires_at - epoch(now))
        return Issued(claims, expires_in, scope, issued_token_type=ACCESS_TOKEN_TYPE, acting_for=subject.user_id)

    def _lifetime(self, client: Client) -> timedelta:
        return own_or(client.access_token_lifetime, self.access_token_lifetime)
