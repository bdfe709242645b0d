"""Rate limits of the APIs: how much one subject may ask, send and change in a time, from wherever it calls.

Policy: ADR-0049; Spec: RFC 6585 s4, draft-ietf-httpapi-ratelimit-headers-10 (RateLimit, RateLimit-Policy)
Counted in Valkey for all replicas; while that is away in this process alone: never no limit, and never no answer.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.errors import StorageError

from shared.errors import ConfigurationError, TooManyRequests
from shared.request_context import answer_with
from shared.sliding_window import SlidingWindow

_log = logging.getLogger(__name__)

#: Seconds that Valkey may take for an answer, and that it is left alone after it gave none.
_PATIENCE = 0.25
_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Quota:
    """What one limit leaves to a subject: whether it took this request, what is left, seconds to the next window."""

    name: str
    taken: bool
    left: int
    seconds: float


class RateLimits:
    """The limits of one API, each on every subject. For one event loop."""

    def __init__(self, limits: Mapping[str, str], *, prefix: str, storage_url: str = "") -> None:
        """`limits`: by name, such as "600/minute"; `prefix`: of the settings that hold them, and of the shared counts.

        Raises:
            ConfigurationError: a limit or the URL cannot be read.
        """
        self._prefix = prefix
        self._limits = {name: _parse(f"{prefix}RATE_LIMIT_{name.upper()}", limit) for name, limit in limits.items()}
        self._here = {name: SlidingWindow(limit.amount, limit.get_expiry()) for name, limit in self._limits.items()}
        self._shared = _shared_storage(f"{prefix}RATE_LIMIT_STORAGE_URL", storage_url) if storage_url else None
        self._away_until = 0.0
        windows = ((name, limit.amount, limit.get_expiry()) for name, limit in self._limits.items())
        self._policy = ", ".join(f'"{name}";q={amount};w={seconds}' for name, amount, seconds in windows)

    async def admit(self, subject: str, costs: Mapping[str, int]) -> None:
        """Count a request of the subject, `costs` by limit, and tell it in its answer what is left.

        Raises:
            TooManyRequests: a limit was reached before it. The others may have counted it.
        """
        if self._shared is None:
            quotas = [self._count_here(name, subject, cost) for name, cost in costs.items()]
        else:
            counting = (self._count(self._shared, name, subject, cost) for name, cost in costs.items())
            quotas = await asyncio.gather(*counting)
        told = (f'"{quota.name}";r={quota.left};t={max(1, round(quota.seconds))}' for quota in quotas)
        answer_with("RateLimit-Policy", self._policy)
        answer_with("RateLimit", ", ".join(told))
        refused = [quota.seconds for quota in quotas if not quota.taken]
        if refused:
            raise TooManyRequests("There were too many requests of this subject.", timedelta(seconds=max(refused)))

    async def aclose(self) -> None:
        """Close the connections to the shared storage."""
        if self._shared is not None:
            await self._shared.bridge.storage.aclose()  # type: ignore[attr-defined] # of every client behind a bridge

    async def _count(self, storage: RedisStorage, name: str, subject: str, cost: int) -> Quota:
        if time.monotonic() >= self._away_until:
            try:
                return await self._count_shared(storage, name, subject, cost)
            except StorageError as error:
                if time.monotonic() >= self._away_until:
                    _log.warning("rate limits are counted in this process: %s", type(error.storage_error).__name__)
                self._away_until = time.monotonic() + _PAUSE
        return self._count_here(name, subject, cost)

    def _count_here(self, name: str, subject: str, cost: int) -> Quota:
        window = self._here[name]
        return Quota(name, window.hit(subject, cost), *window.left(subject))

    async def _count_shared(self, storage: RedisStorage, name: str, subject: str, cost: int) -> Quota:
        limit = self._limits[name]
        key, seconds = limit.key_for(self._prefix, name, subject), limit.get_expiry()
        taken = await storage.acquire_sliding_window_entry(key, limit.amount, seconds, cost)
        before, before_for, now, now_for = await storage.get_sliding_window(key, seconds)
        left = limit.amount - int(before * before_for / seconds + now)
        return Quota(name, taken, max(0, left), now_for % seconds or seconds)


def _parse(setting: str, limit: str) -> RateLimitItem:
    try:
        item = parse(limit)
    except ValueError as error:
        raise ConfigurationError(f"{setting}: write it like 600/minute, not {limit!r}") from error
    if item.amount < 1:  # everybody would be refused
        raise ConfigurationError(f"{setting}: write it like 600/minute, not {limit!r}")
    return item


def _shared_storage(setting: str, url: str) -> RedisStorage:
    if not url.startswith(("valkey://", "valkeys://")):
        raise ConfigurationError(f"{setting}: must be a Valkey (valkey://...)")
    try:
        return RedisStorage(
            f"async+{url}", wrap_exceptions=True, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
        )
    except Exception as error:  # noqa: BLE001 - of several kinds, some of which hold the URL with its password
        raise ConfigurationError(f"{setting}: cannot be used: {type(error).__name__}") from None
