"""Access tokens: RFC 9068 JWTs that the APIs verify offline.

Spec: RFC 9068 s2, RFC 8693 s4.1, RFC 9449 s6.1; Policy: ADR-0002, ADR-0012
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias
from uuid import UUID

from services.auth.keys.signer import Signer
from services.auth.scopes import split_scope
from services.auth.tokens.family import Grant
from services.auth.tokens.status_list import StatusReference, status_reference_of
from shared.clock import epoch

TYP = "at+jwt"

#: The members of a JWT, as they are signed or were read.
Claims: TypeAlias = dict[str, object]

#: What a traded token says as its subject token does: who, by which sign-in, and which bit ends it.
_KEPT_BY_EXCHANGE = ("iss", "sub", "auth_time", "acr", "amr", "sid", "roles", "groups", "status")


class RevokedAccessTokens(Protocol):
    """The port that storage implements: tokens that ended by themselves, before they expired."""

    def add(self, jti: str, *, expires_at: datetime, now: datetime) -> bool:
        """Remember one until it expires; False when it was there."""
        ...

    def has(self, jti: str) -> bool: ...


@dataclass(frozen=True, repr=False)
class OwnAccessToken:
    """An access token of ours that was presented to us, its signature verified.

    `expires_at`: seconds since 1970. `family_id`: None for one that no user granted. `status`: None for one from before
    there were any. `traded`: it was exchanged for another one (RFC 8693).
    """

    claims: Claims
    client_id: str
    audience: tuple[str, ...]
    scopes: frozenset[str]
    expires_at: int
    family_id: UUID | None
    status: StatusReference | None
    roles: tuple[str, ...]
    traded: bool

    @property
    def jti(self) -> str:
        return str(self.claims["jti"])

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the key that the token is bound to."""
        confirmation = self.claims.get("cnf")
        return str(confirmation["jkt"]) if isinstance(confirmation, dict) else None

    @property
    def user_id(self) -> UUID:
        """The user, of a token that has a family."""
        return UUID(str(self.claims["sub"]))


def access_token_claims(
    grant: Grant, *, issuer: str, audience: list[str], scope: str, lifetime: timedelta, now: datetime
) -> Claims:
    """Return the claims of an access token; absent values are left out.

    `jti` starts with the family's id, so that /userinfo and /revoke find the family without a row a token.
    """
    authorization = grant.authorization
    claims: Claims = {
        "iss": issuer,
        "sub": str(authorization.user_id),
        "aud": audience or [issuer],
        "client_id": authorization.client_id,
        "scope": scope,
        "iat": epoch(now),
        "exp": epoch(now + lifetime),
        "jti": f"{grant.family_id}.{secrets.token_urlsafe(12)}",
        "auth_time": epoch(authorization.auth_time),
        "acr": authorization.acr,
        "amr": list(authorization.amr),
        "sid": str(authorization.session_id),
        "status": grant.status.claim(issuer),
    }
    if grant.roles:
        claims["roles"] = list(grant.roles)
    if grant.team:
        claims["groups"] = [grant.team]
    return claims


def machine_token_claims(
    client_id: str,
    *,
    issuer: str,
    audience: list[str],
    scope: str,
    lifetime: timedelta,
    status: StatusReference,
    now: datetime,
) -> Claims:
    """Return the claims of an access token that a client gets for itself.

    Its subject can't be a user's, which is a UUID; nor can a client choose it. It has no family: `jti` says so.
    """
    return {
        "iss": issuer,
        "sub": machine_subject(client_id),
        "aud": audience,
        "client_id": client_id,
        "scope": scope,
        "iat": epoch(now),
        "exp": epoch(now + lifetime),
        "jti": f"client.{secrets.token_urlsafe(12)}",
        "status": status.claim(issuer),
    }


def exchanged_token_claims(
    subject: OwnAccessToken, *, client_id: str, audience: list[str], scope: str, lifetime: timedelta, now: datetime
) -> Claims:
    """Return the claims of a token traded for `subject`: the same person, sign-in and family.

    It never outlives that one, and `act` says who acts (RFC 8693 s4.1).
    """
    kept = {name: subject.claims[name] for name in _KEPT_BY_EXCHANGE if name in subject.claims}
    return {
        **kept,
        "aud": audience,
        "client_id": client_id,
        "scope": scope,
        "iat": epoch(now),
        "exp": min(epoch(now + lifetime), subject.expires_at),
        "jti": f"{subject.family_id}.{secrets.token_urlsafe(12)}",
        "act": {"sub": machine_subject(client_id)},
    }


def bound_to(claims: Claims, jkt: str) -> Claims:
    """Return the claims of a token that is of no use without the key of this thumbprint."""
    return {**claims, "cnf": {"jkt": jkt}}


def token_type(claims: Claims) -> str:
    """Return the type of a token with these claims, as its client must present it."""
    return "DPoP" if "cnf" in claims else "Bearer"


def machine_subject(client_id: str) -> str:
    """Return the subject that stands for a client itself."""
    return f"client:{client_id}"


def verify_own_access_token(signer: Signer, text: str, *, issuer: str, now: datetime | None) -> OwnAccessToken | None:
    """Return an access token that this provider signed; None when it isn't one, or has expired at `now`.

    Without `now` an expired one is fine (a sign-out may come late). Does NOT look at audience, scope or family.
    """
    claims = signer.verify(text, typ=TYP)
    if claims is None or claims.get("iss") != issuer:
        return None
    token = OwnAccessToken(
        claims=claims,
        client_id=claims["client_id"],
        audience=tuple(claims["aud"]),
        scopes=split_scope(claims["scope"]),
        expires_at=claims["exp"],
        family_id=_family_of(claims["jti"]),
        status=status_reference_of(claims),
        roles=tuple(claims.get("roles", ())),
        traded="act" in claims,
    )
    return None if now is not None and epoch(now) >= token.expires_at else token


def _family_of(jti: str) -> UUID | None:
    try:
        return UUID(jti.partition(".")[0])
    except ValueError:
        return None
