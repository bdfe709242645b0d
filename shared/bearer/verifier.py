"""From the text of an access token to its principal: the keys, the checks, and a memory of tokens already verified.

Spec: RFC 9068 s4
Policy: a token's signature is checked once, and its verdict kept until it expires or the key set changes. Whether it
was revoked is asked at every request; what a route requires of it (scope, step-up) is not part of the verdict.

`verify_cached` is the short way, `verify` the whole one. Both find a remembered token by `VerifiedTokens.find`, and
let it pass by what `StatusCache` holds: the short way only answers what the whole one would, without waiting.
"""

import hashlib

from prometheus_client import Counter

from shared.bearer.access_token import AccessTokenRules, key_id, verify
from shared.bearer.challenge import InvalidToken
from shared.bearer.keys.jwks import JwksCache
from shared.bearer.keys.key_set import KeySet
from shared.bearer.principal import Principal
from shared.bearer.status.cache import StatusCache
from shared.bearer.verified_tokens import DEFAULT_BYTES, VerifiedTokens
from shared.clock import Clock

_memory = Counter("bearer_verified_tokens", "Look-ups of tokens already verified.", ["result"])
_hit, _miss = _memory.labels("hit"), _memory.labels("miss")


class AccessTokenVerifier:
    """Verifies the access tokens of one issuer for one API. Belongs to one event loop."""

    def __init__(
        self,
        rules: AccessTokenRules,
        jwks: JwksCache,
        clock: Clock,
        *,
        statuses: StatusCache,
        cache_bytes: int = DEFAULT_BYTES,
    ) -> None:
        """`cache_bytes`: what the tokens that are remembered may take, as `VerifiedTokens` counts it."""
        self.rules = rules
        self.jwks = jwks
        self.clock = clock
        self.statuses = statuses
        self._verified = VerifiedTokens(rules.leeway, cache_bytes)
        self._verified_with: KeySet | None = None
        #: Whether a service runs with it: between `open` and `aclose`.
        self.is_running = False

    def verify_cached(self, access_token: bytes, *, bound: bool = False) -> Principal | None:
        """Return the principal of a token that was verified before and is as good as it was then. `bound`: as `verify`.

        None says nothing of the token: `verify` does. This is what most requests cost, so it waits for nothing.
        """
        now = self.clock.now()
        if (key_set := self.jwks.current(now)) is None or key_set is not self._verified_with:
            return None
        principal = self._verified.find(hashlib.sha256(access_token).digest(), now)
        if principal is None or (principal.jkt is not None) is not bound:
            return None
        if principal.status is not None and not self.statuses.is_valid(principal.status, now):
            return None
        _hit.inc()
        return principal

    async def verify(self, access_token: str, *, bound: bool = False) -> Principal:
        """Return the principal of a good token that was not revoked.

        `bound`: it came as one that is bound to a key, and the caller looks at the proof: of no other kind is it then.

        Raises:
            InvalidToken: the token is not one that this API accepts, or came as bound and is not, or the reverse.
            Unavailable: the issuer's keys cannot be had, or no word of what it revoked.
        """
        digest = hashlib.sha256(access_token.encode()).digest()
        while True:
            self._forget_if_keys_changed()
            if (principal := self._verified.find(digest, self.clock.now())) is None:
                _miss.inc()
                principal = await self._verified_anew(access_token, digest)
            else:
                _hit.inc()
            if (principal.jkt is not None) is not bound:
                raise InvalidToken("not_bound" if bound else "cnf")
            if principal.status is None:
                return principal
            verified_with = self._verified_with
            await self.statuses.require_valid(principal.status)
            # A look at the list may have brought word of a rotation: the token's own key may be gone by now.
            if self.jwks.held is verified_with:
                return principal

    async def require_fresh_status(self, principal: Principal) -> None:
        """Return unless the word of revocations that `principal` was let in by is past its `exp`.

        Raises:
            InvalidToken, Unavailable: as `StatusCache.require_fresh`.
        """
        if principal.status is not None:
            await self.statuses.require_fresh(principal.status)

    def open(self) -> None:
        """Begin with nothing held and nothing remembered, as a new verifier does. Also after `aclose`."""
        self._forget()
        self.is_running = True
        self.jwks.open()
        self.statuses.open()

    async def aclose(self) -> None:
        """End what runs in the background, and forget all: a verifier that hears of no revocation lets nobody in."""
        self._forget()
        self.is_running = False
        await self.statuses.aclose()
        await self.jwks.aclose()

    async def _verified_anew(self, access_token: str, digest: bytes) -> Principal:
        kid = key_id(access_token)
        if (public_key := await self.jwks.find(kid)) is None:
            raise InvalidToken("unknown_kid")
        principal = verify(access_token, public_key, self.rules, self.clock.now())
        # nothing awaits between the look-up of the key and this line, so the verdict is of the keys in force
        self._forget_if_keys_changed()
        return self._verified.remember(digest, principal)

    def _forget_if_keys_changed(self) -> None:
        if (key_set := self.jwks.current()) is not self._verified_with:
            self._verified.clear()  # a key may have been withdrawn, and its tokens with it
            self._verified_with = key_set
            self.statuses.keys_changed()

    def _forget(self) -> None:
        self._verified.clear()
        self._verified_with = None
