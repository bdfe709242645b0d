"""ID tokens: what the client itself learns about the sign-in.

Spec: OpenID Connect Core s2, s3.1.3.6 and s5.5; s12.2 (refresh: the original auth_time, no nonce)
Roles and teams are not for here: APIs read access tokens; profile claims are here where the client asked for them by
name, or is registered to get them (`id_token_profile_claims`).
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.auth.keys.signer import Signer
from services.auth.opaque_token import b64url
from services.auth.tokens.access_token import Claims
from services.auth.tokens.family import Grant
from shared.clock import epoch

TYP = "JWT"


def id_token_claims(
    grant: Grant,
    *,
    issuer: str,
    nonce: str | None,
    lifetime: timedelta,
    now: datetime,
    requested: Mapping[str, object],
) -> Claims:
    """Return the claims of an ID token; `nonce` is left out when the request had none.

    `requested`: what the user has of the standard claims that the client asked for by name. `at_hash` is empty until
    the access token beside it is signed.
    """
    authorization = grant.authorization
    claims: Claims = {
        **requested,
        "iss": issuer,
        "sub": str(authorization.user_id),
        "aud": authorization.client_id,
        "iat": epoch(now),
        "exp": epoch(now + lifetime),
        "auth_time": epoch(authorization.auth_time),
        "acr": authorization.acr,
        "amr": list(authorization.amr),
        "at_hash": "",
        "sid": str(authorization.session_id),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return claims


def verify_own_id_token(signer: Signer, text: str, *, issuer: str) -> dict[str, Any] | None:
    """Return the claims of an ID token that this provider signed, for whichever client; None when it isn't one.

    Does NOT look at exp or aud: as a hint an expired one says as well who it was about.
    """
    claims = signer.verify_hint(text, typ=TYP)
    return claims if claims is not None and claims.get("iss") == issuer else None


def at_hash(access_token: str) -> str:
    """Return the left half of the access token's SHA-256, base64url."""
    return b64url(hashlib.sha256(access_token.encode("ascii")).digest()[:16])
