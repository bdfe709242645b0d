"""What was granted: the one value that a code, a family and every token of them are made of.

Spec: RFC 6749 s1.3, RFC 8707 s2, OpenID Connect Core s2 (auth_time, acr, amr) and s5.5 (claims)
Spec: RFC 9449 s5 and s10; Policy: ADR-0070, ADR-0100
A field has no default, so a fact that is forgotten on the way is a type error.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.auth.accounts.requested_claims import RequestedClaims


@dataclass(frozen=True, repr=False)
class Authorization:
    """What one user, signed in by one browser session, granted to one client.

    `scopes` and `resources`: what tokens may hold at most; no resource means every API of the scopes. `claims`: the
    standard claims that the client asked for by name. `auth_time`, `acr`, `amr`: how and when the user signed in.
    `dpop_jkt`: the thumbprint of the key that a code may be redeemed with, or a family refreshed with; None: any client
    that proves itself otherwise may.
    """

    client_id: str
    user_id: UUID
    session_id: UUID
    scopes: frozenset[str]
    resources: tuple[str, ...]
    claims: RequestedClaims
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    dpop_jkt: str | None
