"""One API as its clients see it, with all that verifies their tokens, put together from settings.

Policy: ADR-0016
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from shared.bearer.keys.copies import StatusListCopies
from shared.bearer.keys.jwks import JwksCache
from shared.bearer.settings import BearerSettings
from shared.bearer.status.cache import StatusCache
from shared.bearer.status.source import StatusSource
from shared.bearer.verifier import AccessTokenVerifier
from shared.clock import Clock


@dataclass(frozen=True)
class ProtectedApi:
    """An API: `identifier` is its public URL and what `aud` must hold; `scopes` are all that its routes ask for."""

    name: str
    identifier: str
    issuer: str
    scopes: tuple[str, ...]
    verifier: AccessTokenVerifier

    @classmethod
    def from_settings(
        cls,
        name: str,
        settings: BearerSettings,
        scopes: tuple[str, ...],
        *,
        last_good: Path | None = None,
        clock: Clock | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> "ProtectedApi":
        """Put the API together; nothing is fetched yet.

        `last_good` is a folder of the service's own: what the issuer said last is kept there, for a start while it is
        away. `clock` and `transport` let a test set the time and stand in for the issuer.
        """
        clock = clock or Clock()
        jwks = JwksCache(
            settings.keys_url,
            clock,
            last_good=None if last_good is None else last_good / f"{name}.jwks.json",
            transport=transport,
            policy=settings.jwks_policy(),
        )
        policy = settings.status_policy()
        statuses = StatusCache(
            StatusSource(policy, jwks, clock, transport=transport),
            clock,
            max_stale=policy.max_stale,
            copies=None if last_good is None else StatusListCopies(last_good, name),
        )
        verifier = AccessTokenVerifier(settings.access_token_rules(), jwks, clock, statuses=statuses)
        return cls(name, settings.audience, settings.issuer, scopes, verifier)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Fetch the keys beside the service while it runs, and end what runs in the background when it stops."""
        warm_up = asyncio.create_task(self.verifier.jwks.warm_up())
        try:
            yield
        finally:
            warm_up.cancel()
            await asyncio.wait({warm_up})
            await self.verifier.aclose()
