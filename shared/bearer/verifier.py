"""From the text of an access token to its principal: the keys, the checks, and a memory of tokens already checked.

Spec: RFC 9068 s4
Policy: a token's signature is checked once, and its verdict kept until it expires or the key set changes. Whether it
was revoked is asked at every request; what a route demands of it (scope, step-up) is no part of the verdict.
"""

import hashlib
from collections import OrderedDict
from datetime import UTC, datetime

from prometheus_client import Counter

from shared.bearer.access_token import AccessTokenRules, key_id, verify
from shared.bearer.challenge import InvalidToken
from shared.bearer.keys.jwks import JwksCache
from shared.bearer.keys.key_set import KeySet
from shared.bearer.principal import Principal
from shared.bearer.status.cache import StatusCache
from shared.clock import Clock

MAX_REMEMBERED = 32_768

_memory = Counter("bearer_verified_tokens", "Look-ups of tokens already verified.", ["result"])
_hit, _miss = _memory.labels("hit"), _memory.labels("miss")
_NOT_REMEMBERED = (None, datetime.min.replace(tzinfo=UTC))


class AccessTokenVerifier:
    """Verifies the access tokens of one issuer for one API. Belongs to one event loop."""

    def __init__(
        self,
        rules: AccessTokenRules,
        jwks: JwksCache,
        clock: Clock,
        *,
        statuses: StatusCache,
        remembered: int = MAX_REMEMBERED,
    ) -> None:
        self.rules = rules
        self.jwks = jwks
        self.clock = clock
        self.statuses = statuses
        self._remembered = remembered
        # least recently used first; by SHA-256, so that a dump of the memory gives no token away
        self._verified: OrderedDict[bytes, tuple[Principal, datetime]] = OrderedDict()
        self._verified_with: KeySet | None = None

    def recall(self, access_token: bytes) -> Principal | None:
        """Return the principal of a token that was verified before and is as good as it was then.

        None says nothing of the token: `verify` does. This is what most requests cost, so it waits for nothing.
        """
        now = self.clock.now()
        if self.jwks.current(now) is not self._verified_with:
            return None
        digest = hashlib.sha256(access_token).digest()
        principal, good_until = self._verified.get(digest, _NOT_REMEMBERED)
        if principal is None or now >= good_until:
            return None
        if principal.status is not None and not self.statuses.clears(principal.status, now):
            return None
        self._verified.move_to_end(digest)
        _hit.inc()
        return principal

    async def verify(self, access_token: str) -> Principal:
        """Return the principal of a good token that was not revoked.

        Raises:
            InvalidToken: the token is not one that this API accepts.
            Unavailable: the issuer's keys cannot be had, or no word of what it revoked.
        """
        digest = hashlib.sha256(access_token.encode()).digest()
        while True:
            if (principal := self._recall(digest, self.clock.now())) is None:
                _miss.inc()
                principal = await self._verified_anew(access_token, digest)
            else:
                _hit.inc()
            if principal.status is None:
                return principal
            verified_with = self._verified_with
            await self.statuses.demand_valid(principal.status)
            # A look at the list may have brought word of a rotation: the token's own key may be gone by now.
            if self.jwks.held is verified_with:
                return principal

    async def demand_fresh_status(self, principal: Principal) -> None:
        """Return unless the word of revocations that `principal` was let in by is past its `exp`.

        Raises:
            InvalidToken, Unavailable: as `StatusCache.demand_fresh`.
        """
        if principal.status is not None:
            await self.statuses.demand_fresh(principal.status)

    async def aclose(self) -> None:
        """End what runs in the background."""
        await self.statuses.aclose()
        await self.jwks.aclose()

    async def _verified_anew(self, access_token: str, digest: bytes) -> Principal:
        kid = key_id(access_token)
        if (public_key := await self.jwks.find(kid)) is None:
            raise InvalidToken("unknown_kid")
        principal = verify(access_token, public_key, self.rules, self.clock.now())
        # nothing awaits between the look-up of the key and this line, so the verdict is of the keys in force
        self._forget_if_keys_changed()
        self._verified[digest] = principal, principal.expires_at + self.rules.leeway
        if len(self._verified) > self._remembered:
            self._verified.popitem(last=False)
        return principal

    def _recall(self, digest: bytes, now: datetime) -> Principal | None:
        self._forget_if_keys_changed()
        if (remembered := self._verified.get(digest)) is None:
            return None
        principal, good_until = remembered
        if now >= good_until:
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return principal

    def _forget_if_keys_changed(self) -> None:
        if (key_set := self.jwks.current()) is not self._verified_with:
            self._verified.clear()  # a key may have been withdrawn, and its tokens with it
            self._verified_with = key_set
            self.statuses.keys_changed()
