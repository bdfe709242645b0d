"""The token response: from a grant to what the client receives.

Spec: RFC 6749 s5.1, OpenID Connect Core s3.1.3.3, RFC 8693 s2.2.1
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.auth.clients.client import Client, own_or
from services.auth.keys.signer import Signer
from services.auth.scopes import ScopeCatalogue, join_scopes
from services.auth.tokens import access_token, id_token
from services.auth.tokens.family import Grant
from services.auth.tokens.status_list import StatusPlace

#: The one kind of token that is traded, and traded for (RFC 8693 s3).
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"


@dataclass(frozen=True)
class TokenIssuer:
    """Signs the tokens of a grant. Decides nothing: scopes and refresh token are given."""

    issuer: str
    signer: Signer
    access_token_lifetime: timedelta
    id_token_lifetime: timedelta

    def token_response(
        self,
        grant: Grant,
        *,
        client: Client,
        catalogue: ScopeCatalogue,
        scopes: frozenset[str],
        refresh_token: str | None,
        nonce: str | None,
        now: datetime,
        requested: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the JSON members of a successful answer of /token.

        `scopes` are the grant's, already narrowed by scope and resource of this request; what the client or the
        user may not have any more is cut here. The ID token comes with `openid` in the grant, the refresh token
        when given. `requested`: the user's claims that the client asked for in the ID token.
        """
        entitled = catalogue.entitled(scopes & client.scopes, grant.roles)
        lifetime = own_or(client.access_token_lifetime, self.access_token_lifetime)
        scope = join_scopes(entitled)
        signed = self.signer.sign(
            access_token.access_token_claims(
                grant,
                issuer=self.issuer,
                audience=catalogue.audience(entitled),
                scope=scope,
                lifetime=lifetime,
                now=now,
            ),
            typ=access_token.TYP,
        )
        response = self._bearer(signed, lifetime=int(lifetime.total_seconds()), scope=scope)
        if refresh_token is not None:
            response["refresh_token"] = refresh_token
        if "openid" in grant.scopes:
            claims = id_token.id_token_claims(
                grant,
                issuer=self.issuer,
                access_token=signed,
                nonce=nonce,
                lifetime=self.id_token_lifetime,
                now=now,
                requested=requested,
            )
            response["id_token"] = self.signer.sign(claims, typ=id_token.TYP)
        return response

    def machine_token_response(
        self, client: Client, *, catalogue: ScopeCatalogue, scopes: frozenset[str], status: StatusPlace, now: datetime
    ) -> dict[str, Any]:
        """Return the answer to a client that asks for itself: an access token alone. `scopes` are final."""
        lifetime = own_or(client.access_token_lifetime, self.access_token_lifetime)
        scope = join_scopes(scopes)
        claims = access_token.machine_token_claims(
            client.client_id,
            issuer=self.issuer,
            audience=catalogue.audience(scopes),
            scope=scope,
            lifetime=lifetime,
            status=status,
            now=now,
        )
        signed = self.signer.sign(claims, typ=access_token.TYP)
        return self._bearer(signed, lifetime=int(lifetime.total_seconds()), scope=scope)

    def exchanged_token_response(
        self, subject: dict[str, Any], *, client: Client, resource: str, scopes: frozenset[str], now: datetime
    ) -> dict[str, Any]:
        """Return the answer to an API that trades the token with the claims `subject`. `scopes` are final."""
        scope = join_scopes(scopes)
        claims = access_token.exchanged_token_claims(
            subject,
            client_id=client.client_id,
            audience=[resource],
            scope=scope,
            lifetime=own_or(client.access_token_lifetime, self.access_token_lifetime),
            now=now,
        )
        signed = self.signer.sign(claims, typ=access_token.TYP)
        response = self._bearer(signed, lifetime=claims["exp"] - claims["iat"], scope=scope)
        return {**response, "issued_token_type": ACCESS_TOKEN_TYPE}

    @staticmethod
    def _bearer(signed: str, *, lifetime: int, scope: str) -> dict[str, Any]:
        return {"access_token": signed, "token_type": "Bearer", "expires_in": lifetime, "scope": scope}
