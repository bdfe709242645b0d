"""Where status lists come from: the issuer, verified, with an ear for a rotation of its keys; or a copy on disk.

Spec: draft-ietf-oauth-status-list-17 s8.1, s8.3
Policy: ADR-0016. A list signed by another key than the last one makes the key set be fetched at once, past every
cache and outside its cooldown, and once more a second later: a replica of the issuer may lag by as much. So a key that
was dropped in an emergency is dropped here as soon as a list is fetched.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import httpx2

from shared.bearer.keys.issuer_client import IssuerClient
from shared.bearer.keys.jwks import JwksCache, runs_here
from shared.bearer.status.status_list import (
    MAX_TOKEN_BYTES,
    MEDIA_TYPE,
    BadStatusList,
    StatusList,
    read_status_list,
    signing_kid,
)
from shared.clock import Clock

#: How long the fetch of a list may take.
TIMEOUT = timedelta(seconds=2)
SECOND_LOOK = timedelta(seconds=1)


@dataclass(frozen=True)
class StatusPolicy:
    """Whose lists they are, where they are fetched, and for how long one serves past its `exp`."""

    issuer: str
    base_url: str
    max_stale: timedelta
    leeway: timedelta

    def uri(self, shard: int) -> str:
        """Return the shard's name, as written in a token's `status` and in the list's `sub`."""
        return f"{self.issuer}/status/{shard}"

    def address(self, shard: int) -> str:
        """Return where the shard is fetched."""
        return f"{self.base_url.removesuffix('/status')}/status/{shard}"


class StatusSource:
    """The status lists of one issuer, one fetch at a time for each caller."""

    def __init__(
        self,
        policy: StatusPolicy,
        jwks: JwksCache,
        clock: Clock,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network in tests."""
        self._policy = policy
        self._jwks = jwks
        self._clock = clock
        self._issuer = IssuerClient(transport)
        self.open()

    def open(self) -> None:
        """Begin anew: no list was seen yet."""
        self._last_kid: str | None = None
        self._second_look: asyncio.Task[None] | None = None

    async def fetch(self, shard: int, etag: str | None) -> tuple[StatusList, str | None] | None:
        """Return the shard as it is now, and its ETag; None if it has not changed since `etag`.

        Raises:
            BadStatusList: what came is not a list of this shard, or one that has expired.
            BadAnswer, TimeoutError, httpx2.HTTPError, Unavailable: it cannot be had, or not be verified.
        """
        fetched = await self._issuer.get(
            self._policy.address(shard), accept=MEDIA_TYPE, limit=MAX_TOKEN_BYTES, timeout=TIMEOUT, etag=etag
        )
        if fetched.document is None:
            return None
        token = fetched.document.strip().decode("ascii")
        heard = await self._hear_of_rotation(signing_kid(token))
        found = await self.read(shard, token)
        if self._clock.now() >= found.expires_at + self._policy.leeway:
            raise BadStatusList("expired")
        if heard:
            self._last_kid = found.kid
        return found, fetched.headers.get("ETag")

    async def read(self, shard: int, token: str) -> StatusList:
        """Return the list that the issuer signed as `token`, verified by the keys in force.

        Raises:
            BadStatusList: it is none of this shard.
            Unavailable: there are no keys.
        """
        kid = signing_kid(token)
        if (public_key := (await self._jwks.key_set()).keys.get(kid)) is None:
            raise BadStatusList("signed by an unknown key")
        uri = self._policy.uri(shard)
        return read_status_list(token, public_key, uri=uri, now=self._clock.now(), leeway=self._policy.leeway)

    def trusts(self, held: StatusList) -> bool:
        """Return whether the key that signed `held` is still one of the issuer's, as far as is known."""
        key_set = self._jwks.current()
        return key_set is None or held.kid in key_set.keys

    async def aclose(self) -> None:
        """End the second look at the keys, if one is due."""
        if self._second_look is not None and runs_here(self._second_look):
            self._second_look.cancel()
            await asyncio.wait({self._second_look})

    async def _hear_of_rotation(self, kid: str) -> bool:
        """Look at the keys anew if `kid` is another than the last; return whether they are known to be current."""
        known = kid in (await self._jwks.key_set()).keys
        if known and self._last_kid in {None, kid}:
            return True
        fetched = await self._jwks.refresh()
        if kid not in (await self._jwks.key_set()).keys:
            await asyncio.sleep(SECOND_LOOK.total_seconds())
            return await self._jwks.refresh()
        if not runs_here(self._second_look):
            self._second_look = asyncio.create_task(self._look_again())
        return fetched

    async def _look_again(self) -> None:
        try:
            await asyncio.sleep(SECOND_LOOK.total_seconds())
            await self._jwks.refresh()
        finally:
            self._second_look = None
