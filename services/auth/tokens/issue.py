"""The token response: from a grant to what the client receives.

Spec: RFC 6749 s5.1, OpenID Connect Core s3.1.3.3
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.auth.clients import Client, own_or
from services.auth.keys.signer import Signer
from services.auth.scopes import ScopeCatalogue, join_scopes
from services.auth.tokens import access_token, id_token
from services.auth.tokens.family import Grant


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
    ) -> dict[str, Any]:
        """Return the JSON members of a successful answer of /token.

        `scopes` are the grant's, already narrowed by scope and resource of this request; what the client or the
        user may not have any more is cut here. The ID token comes with `openid` in the grant, the refresh token
        when given.
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
        response: dict[str, Any] = {
            "access_token": signed,
            "token_type": "Bearer",
            "expires_in": int(lifetime.total_seconds()),
            "scope": scope,
        }
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
            )
            response["id_token"] = self.signer.sign(claims, typ=id_token.TYP)
        return response
