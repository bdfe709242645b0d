"""What one sign-in gave the app, as it is kept.

Spec: RFC 6749 s5.1, OpenID Connect Core s3.1.3.3
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt

#: A refresh is due this long before the access token runs out, so that none expires on its way to an API.
EARLY = timedelta(seconds=30)


@dataclass(frozen=True)
class Tokens:
    """Access, refresh and ID token of one sign-in. Its repr shows none of them."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str = field(repr=False)
    expires_at: datetime
    scope: str

    @property
    def claims(self) -> dict[str, Any]:
        """The ID token's claims. Not verified here: that was done before the token was stored."""
        claims: dict[str, Any] = jwt.decode(self.id_token, options={"verify_signature": False})
        return claims

    def due(self, now: datetime) -> bool:
        """Tell whether it is time to refresh."""
        return now >= self.expires_at - EARLY if self.refresh_token else self.expired(now)

    def expired(self, now: datetime) -> bool:
        """Tell whether the access token has run out."""
        return now >= self.expires_at

    def to_json(self) -> dict[str, Any]:
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "id_token": self.id_token,
            "expires_at": self.expires_at.isoformat(),
            "scope": self.scope,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Tokens":
        return cls(**{**document, "expires_at": datetime.fromisoformat(document["expires_at"])})
