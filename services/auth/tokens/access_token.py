"""Access tokens: RFC 9068 JWTs that the APIs verify offline.

Spec: RFC 9068 s2, RFC 8693 s4.1; Policy: ADR-0002, ADR-0012
"""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.auth.keys.signer import Signer
from services.auth.tokens.family import Grant
from services.auth.tokens.status_list import StatusPlace
from shared.clock import epoch

TYP = "at+jwt"

#: What a traded token says as its subject token does: who, by which sign-in, and which bit ends it.
_KEPT_BY_EXCHANGE = ("iss", "sub", "auth_time", "acr", "amr", "sid", "roles", "groups", "status")


def access_token_claims(
    grant: Grant, *, issuer: str, audience: list[str], scope: str, lifetime: timedelta, now: datetime
) -> dict[str, Any]:
    """Return the claims of an access token; absent values are left out.

    `jti` starts with the family's id, so that /userinfo and /revoke find the family without a row a token.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": str(grant.user_id),
        "aud": audience or [issuer],
        "client_id": grant.client_id,
        "scope": scope,
        "iat": epoch(now),
        "exp": epoch(now + lifetime),
        "jti": f"{grant.family_id}.{secrets.token_urlsafe(12)}",
        "auth_time": epoch(grant.auth_time),
        "acr": grant.acr,
        "amr": list(grant.amr),
        "sid": str(grant.session_id),
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
    status: StatusPlace,
    now: datetime,
) -> dict[str, Any]:
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
    subject: dict[str, Any], *, client_id: str, audience: list[str], scope: str, lifetime: timedelta, now: datetime
) -> dict[str, Any]:
    """Return the claims of a token traded for the one with the claims `subject`: the same person, sign-in and family.

    It never outlives that one, and `act` says who acts (RFC 8693 s4.1).
    """
    kept = {name: subject[name] for name in _KEPT_BY_EXCHANGE if name in subject}
    return {
        **kept,
        "aud": audience,
        "client_id": client_id,
        "scope": scope,
        "iat": epoch(now),
        "exp": min(epoch(now + lifetime), subject["exp"]),
        "jti": f"{family_of(subject)}.{secrets.token_urlsafe(12)}",
        "act": {"sub": machine_subject(client_id)},
    }


def machine_subject(client_id: str) -> str:
    """Return the subject that stands for a client itself."""
    return f"client:{client_id}"


def verify_own_access_token(signer: Signer, text: str, *, issuer: str, now: datetime | None) -> dict[str, Any] | None:
    """Return the claims of an access token that this provider signed; None when it isn't one, or has expired at `now`.

    Without `now` an expired one is fine (a sign-out may come late). Does NOT look at audience, scope or family.
    """
    claims = signer.verify(text, typ=TYP)
    if claims is None or claims.get("iss") != issuer:
        return None
    if now is not None and epoch(now) >= claims["exp"]:
        return None
    return claims


def family_of(claims: dict[str, Any]) -> UUID | None:
    """Return the family that an access token of ours belongs to; None for one that no user granted."""
    try:
        return UUID(str(claims.get("jti", "")).partition(".")[0])
    except ValueError:
        return None
