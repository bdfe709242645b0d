"""Logout tokens: what a client is posted when a session is over.

Spec: OpenID Connect Back-Channel Logout s2.4 and s2.6
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.clock import epoch

TYP = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: It is signed anew at each attempt, so it need not last.
LIFETIME = timedelta(minutes=2)


def logout_token_claims(
    *, issuer: str, client_id: str, subject: str, session_id: UUID, jti: UUID, now: datetime
) -> dict[str, Any]:
    """Return the claims; `jti` stays the same at each attempt, so that a client sees a repetition as one.

    There is no nonce, so that nobody takes it for an ID token.
    """
    return {
        "iss": issuer,
        "aud": client_id,
        "iat": epoch(now),
        "exp": epoch(now + LIFETIME),
        "jti": str(jti),
        "events": {EVENT: {}},
        "sub": subject,
        "sid": str(session_id),
    }
