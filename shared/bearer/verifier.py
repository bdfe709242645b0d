"""From the text of an access token to its principal: the keys, the checks, and a memory of tokens already checked.

Spec: RFC 9068 s4
Policy: a token's signature is checked once, and its verdict kept until it expires or the key set changes. What a
route demands of it (scope) is no part of that verdict.
"""

import hashlib
from collections import OrderedDict

from prometheus_client import Counter

from shared.bearer import access_token as rfc9068
from shared.bearer.access_token import AccessTokenRules
from shared.bearer.challenge import InvalidToken
from shared.bearer.jwks import JwksCache
from shared.bearer.principal import Principal
from shared.clock import Clock

MAX_REMEMBERED = 32_768

_memory = Counter("bearer_verified_tokens", "Look-ups of tokens already verified.", ["result"])
_hit, _miss = _memory.labels("hit"), _memory.labels("miss")


class AccessTokenVerifier:
    """Verifies the access tokens of one issuer for one API. Belongs to one event loop."""

    def __init__(
        self, rules: AccessTokenRules, jwks: JwksCache, clock: Clock, *, remembered: int = MAX_REMEMBERED
    ) -> None:
        self.rules = rules
        self.jwks = jwks
        self.clock = clock
        self._remembered = remembered
        # least recently used first; by SHA-256, so that a dump of the memory gives no token away
        self._verified: OrderedDict[bytes, Principal] = OrderedDict()
        self._verified_with = ""

    async def verify(self, access_token: str) -> Principal:
        """Return the principal of a good token.

        Raises:
            InvalidToken: the token is not one that this API accepts.
            Unavailable: the issuer's keys cannot be had.
        """
        digest = hashlib.sha256(access_token.encode()).digest()
        if (principal := self._recall(digest)) is not None:
            _hit.inc()
            return principal
        _miss.inc()
        kid = rfc9068.key_id(access_token)
        if (public_key := await self.jwks.find(kid)) is None:
            raise InvalidToken("unknown_kid")
        principal = rfc9068.verify(access_token, public_key, self.rules, self.clock.now())
        self._remember(digest, principal)
        return principal

    def _recall(self, digest: bytes) -> Principal | None:
        self._forget_if_keys_changed()
        principal = self._verified.get(digest)
        if principal is None:
            return None
        if not rfc9068.is_unexpired(principal, self.rules, self.clock.now()):
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return principal

    def _remember(self, digest: bytes, principal: Principal) -> None:
        # nothing awaits between the look-up of the key and this line, so the verdict is of the keys in force
        self._forget_if_keys_changed()
        self._verified[digest] = principal
        if len(self._verified) > self._remembered:
            self._verified.popitem(last=False)

    def _forget_if_keys_changed(self) -> None:
        key_set = self.jwks.current()
        fingerprint = "" if key_set is None else key_set.fingerprint
        if fingerprint != self._verified_with:
            self._verified.clear()  # a key may have been withdrawn, and its tokens with it
            self._verified_with = fingerprint
