"""What the app keeps: its tokens, the sign-ins that wait for the browser, and the tokens that are still to be revoked.

Spec: RFC 9700 s2.2.2 (refresh tokens of public clients)
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from mobile.authorization import PendingSignIn
from mobile.tokens import Tokens, is_token, stored_moment

#: No refresh token of the suite lives longer than this (its absolute expiry).
_LONGEST_LIFE = timedelta(days=180)

#: More are not kept; the oldest goes.
_MOST_DROPPED = 50


@dataclass(frozen=True)
class DroppedToken:
    """A token that the app no longer uses and that the provider has not yet been told of."""

    token: str = field(repr=False)
    dropped_at: datetime

    def dead(self, now: datetime) -> bool:
        """Report whether it has run out by itself, so that nobody needs to be told."""
        return now - self.dropped_at > _LONGEST_LIFE

    def to_json(self) -> dict[str, Any]:
        return {"token": self.token, "dropped_at": self.dropped_at.isoformat()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "DroppedToken":
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it was changed since.
        """
        if not is_token(document["token"]):
            raise ValueError("not a token")
        return cls(document["token"], stored_moment(document["dropped_at"]))


@dataclass(frozen=True)
class Contents:
    """All that is kept: tokens if signed in, waiting sign-ins by state, and tokens to revoke, oldest first."""

    tokens: Tokens | None = None
    pending: dict[str, PendingSignIn] = field(default_factory=dict)
    to_revoke: tuple[DroppedToken, ...] = ()

    def dropping(self, token: str, now: datetime) -> "Contents":
        """Return these with `token` among those to revoke."""
        others = self.revoked(token).to_revoke
        return replace(self, to_revoke=(*others, DroppedToken(token, now))[-_MOST_DROPPED:])

    def revoked(self, token: str) -> "Contents":
        """Return these without `token` among those to revoke."""
        return replace(self, to_revoke=tuple(item for item in self.to_revoke if item.token != token))

    def signed_out(self, now: datetime) -> "Contents":
        """Return what is left when the person signs out: nothing but the tokens to revoke."""
        left = Contents(to_revoke=self.to_revoke)
        return left.dropping(self.tokens.ending, now) if self.tokens else left

    def to_json(self) -> dict[str, Any]:
        return {
            "tokens": self.tokens.to_json() if self.tokens else None,
            "pending": {state: item.to_json() for state, item in self.pending.items()},
            "to_revoke": [item.to_json() for item in self.to_revoke],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Contents":
        """Read what `to_json` wrote.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: it was changed since.
        """
        tokens = None if document["tokens"] is None else Tokens.from_json(document["tokens"])
        pending = {state: PendingSignIn.from_json(item) for state, item in document["pending"].items()}
        if any(state != item.state for state, item in pending.items()):
            raise ValueError("a sign-in waits under another state")
        return cls(tokens, pending, tuple(DroppedToken.from_json(item) for item in document["to_revoke"]))
