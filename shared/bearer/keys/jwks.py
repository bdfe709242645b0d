"""The issuer's signing keys, held in memory, so that requests with a known key neither wait for it nor die with it.

Spec: RFC 7517 s5
Policy: keys are fresh for as long as Cache-Control says (30 s to 1 h), then refreshed in the background; they serve
for at most 24 h without a successful fetch. A failed fetch drops nothing. An unknown kid costs one fetch, shared by
all who wait, and then none for 30 s, however many kids are forged. Word of a rotation (a status list signed by another
key) brings one at once. The durations are those of JwksPolicy.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from prometheus_client import Counter

from shared.bearer.keys.copies import KeySetCopy, in_thread
from shared.bearer.keys.issuer_client import IssuerClient
from shared.bearer.keys.key_set import MAX_DOCUMENT_BYTES, KeySet, parse_key_set
from shared.clock import Clock
from shared.errors import Unavailable
from shared.problem_codes import ProblemCode

MAX_UNKNOWN_KIDS = 1024
#: How far the clock may go back before keys that were fetched "later" stop serving: their age cannot be told.
CLOCK_STEP = timedelta(seconds=30)

_log = logging.getLogger(__name__)

_fetches = Counter("bearer_jwks_fetches", "Fetches of the key set, by result.", ["result"])
_lookups = Counter("bearer_jwks_lookups", "Look-ups of a key by kid, by how they ended.", ["result"])

_RANDOM = secrets.SystemRandom()
_MAX_AGE_DIRECTIVE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True)
class JwksPolicy:
    """How long keys are kept, and how often the issuer is asked. The defaults are for production.

    min_fresh, max_fresh: the bounds of what Cache-Control may say; default_fresh: where it says nothing;
    max_age: how long keys serve without a successful fetch; cooldown: between two fetches for unknown kids, and after a
    failed one; retry: the same while there are no keys at all; timeout: of one fetch.
    """

    min_fresh: timedelta = timedelta(seconds=30)
    default_fresh: timedelta = timedelta(minutes=5)
    max_fresh: timedelta = timedelta(hours=1)
    max_age: timedelta = timedelta(hours=24)
    cooldown: timedelta = timedelta(seconds=30)
    retry: timedelta = timedelta(seconds=1)
    timeout: timedelta = timedelta(seconds=5)

    def fresh_for(self, cache_control: str) -> timedelta:
        """Return for how long an answer may be used unasked, within our bounds (RFC 9111 s5.2.2)."""
        if re.search(r"no-store|no-cache", cache_control, re.IGNORECASE):
            return self.min_fresh
        found = _MAX_AGE_DIRECTIVE.search(cache_control)
        fresh = self.default_fresh if found is None else timedelta(seconds=int(found[1]))
        return min(max(fresh, self.min_fresh), self.max_fresh)


PRODUCTION = JwksPolicy()


@dataclass(frozen=True)
class _Held:
    key_set: KeySet
    fetched_at: datetime
    stale_at: datetime


class JwksCache:
    """The keys behind one JWKS address. Belongs to one event loop; holds no lock and needs none."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        last_good: Path | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        policy: JwksPolicy = PRODUCTION,
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        """`last_good` is a file for the last good set; `jitter` gives 0 to 1; `transport` is for tests."""
        self.url = url
        self._clock = clock
        self._copy = None if last_good is None else KeySetCopy(last_good, url)
        self._issuer = IssuerClient(transport)
        self._policy = policy
        self._jitter = jitter
        self.open()

    def open(self) -> None:
        """Begin with nothing held, as a new cache does. Also after `aclose`, in another event loop."""
        self._held: _Held | None = None
        self._fetching: asyncio.Task[bool] | None = None
        self._downloading = False
        self._closed = False
        self._failed_at: datetime | None = None
        self._asked_for_unknown_at: datetime | None = None
        self._unknown: dict[str, None] = {}

    def current(self, now: datetime | None = None) -> KeySet | None:
        """Return the keys in force, None when there are none; stale ones start a refresh that nobody waits for."""
        now = now or self._clock.now()
        held = self._held
        if held is not None and held.fetched_at <= now < held.stale_at:  # what nearly every request finds
            return held.key_set
        if (held := self._in_force(now)) is None:
            return None
        if not _within(self._failed_at, now, self._policy.cooldown):
            self._start_fetch()
        return held.key_set

    @property
    def held(self) -> KeySet | None:
        """The keys held, whatever their age: the same object for as long as they are the same keys."""
        return None if self._held is None else self._held.key_set

    async def key_set(self) -> KeySet:
        """Return the keys in force, fetched now if there are none.

        Raises:
            Unavailable: there are none, and the issuer cannot be reached.
        """
        if (key_set := self.current()) is not None:
            return key_set
        # a fetch under way is waited for even after its failure is known: it may still bring the last good copy
        if self._is_fetching() or not _within(self._failed_at, self._clock.now(), self._policy.retry):
            await self._fetch()
        if (key_set := self.current()) is None:
            _lookups.labels("no_keys").inc()
            detail = "The issuer's signing keys cannot be had."
            raise Unavailable(detail, self._policy.retry, ProblemCode.ISSUER_UNAVAILABLE)
        return key_set

    async def find(self, kid: str) -> RSAPublicKey | None:
        """Return the issuer's key of that id, None if it has none such.

        Raises:
            Unavailable: as `key_set`.
        """
        key_set = await self.key_set()
        if kid in key_set.keys:
            _lookups.labels("hit").inc()
            return key_set.keys[kid]
        if kid in self._unknown:
            _lookups.labels("known_unknown").inc()
            return None
        if not self._is_fetching():
            now = self._clock.now()
            if _within(self._asked_for_unknown_at, now, self._policy.cooldown):
                _lookups.labels("cooldown").inc()
                return None
            self._asked_for_unknown_at = now
        fetched = await self._fetch()
        key = (await self.key_set()).keys.get(kid)
        if key is None and fetched:
            self._remember_unknown(kid)
        _lookups.labels("missing" if key is None else "fetched").inc()
        return key

    async def refresh(self) -> bool:
        """Fetch the keys now, past every cache and outside the cooldown; return whether it brought keys.

        For who has word of a rotation: a fetch that is under way may have been answered before it.
        """
        if self._is_fetching():
            await self._fetch()
        return await self._fetch(no_cache=True)

    async def aclose(self) -> None:
        """End what runs in the background: a download is given up, a copy is written to its end.

        No key serves any more: none could be withdrawn from a cache that fetches nothing.
        """
        self._closed = True
        self._held = None
        if self._fetching is not None and runs_here(self._fetching):
            if self._downloading:
                self._fetching.cancel()
            await asyncio.wait({self._fetching})

    async def keep_warm(self) -> None:
        """Fetch the keys, and go on as they get stale, whether or not a request comes. Ends with `aclose`.

        A service runs it beside itself: an API that nobody calls for a day still has keys when the issuer goes away.
        """
        while not self._closed:
            if self.current() is None:
                await self._fetch()
            missing = self.current() is None
            await asyncio.sleep((self._policy.retry if missing else self._policy.min_fresh).total_seconds())

    def ready(self) -> None:
        """Raise Unavailable unless there are keys in force. Starts nothing, so that any thread may ask."""
        if self._in_force(self._clock.now()) is None:
            raise Unavailable("no signing keys of the issuer yet")

    def _in_force(self, now: datetime) -> _Held | None:
        held = self._held
        return held if held is not None and -CLOCK_STEP <= now - held.fetched_at < self._policy.max_age else None

    def _remember_unknown(self, kid: str) -> None:
        if len(self._unknown) >= MAX_UNKNOWN_KIDS:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[kid] = None

    async def _fetch(self, *, no_cache: bool = False) -> bool:
        """Wait for the fetch that is under way, or for a new one; return whether it brought keys."""
        if (fetching := self._start_fetch(no_cache=no_cache)) is None:
            return False
        # waited for, not awaited: the caller that gives up must not end the fetch of the others, and a fetch that
        # `aclose` ends must not end its callers
        await asyncio.wait({fetching})
        return not fetching.cancelled() and fetching.result()

    def _start_fetch(self, *, no_cache: bool = False) -> asyncio.Task[bool] | None:
        if not self._is_fetching() and not self._closed:
            self._fetching = asyncio.create_task(self._fetch_once(no_cache))
            self._downloading = True
        return self._fetching

    def _is_fetching(self) -> bool:
        return runs_here(self._fetching)

    async def _fetch_once(self, no_cache: bool) -> bool:
        try:
            fetched = await self._issuer.get(
                self.url,
                accept="application/jwk-set+json, application/json",
                limit=MAX_DOCUMENT_BYTES,
                timeout=self._policy.timeout,
                no_cache=no_cache,
            )
            self._downloading = False
            document = fetched.document or b""
            key_set = parse_key_set(document)
        except Exception as error:  # noqa: BLE001 - whatever it was, the keys that we hold go on serving
            self._downloading = False
            if self._failed_at is None:  # once an outage; the metric counts each
                _log.warning("the key set cannot be fetched: %s: %s", type(error).__name__, error)
            self._failed_at = self._clock.now()
            _fetches.labels("failed").inc()
            await self._fall_back_to_copy()
            return False
        else:
            if self._closed:
                return False
            self._swap(key_set, self._policy.fresh_for(fetched.headers.get("Cache-Control", "")))
            if self._copy is not None:
                await in_thread(self._copy.write, document, self._clock.now())
            return True
        finally:
            self._fetching = None

    def _swap(self, key_set: KeySet, fresh: timedelta) -> None:
        now = self._clock.now()
        held = None if self._held is None else self._held.key_set
        unchanged = held is not None and held.fingerprint == key_set.fingerprint
        # up to a fifth earlier, so that many processes do not ask in the same second
        stale_at = now + min(max(self._policy.min_fresh, fresh * (1 - self._jitter() / 5)), self._policy.max_age)
        # the same keys stay the same object, so that whatever is remembered by them need not be compared
        self._held = _Held(held if held is not None and unchanged else key_set, now, stale_at)
        if self._failed_at is not None:
            _log.info("the key set is fetched again")
            self._failed_at = None
        self._unknown.clear()
        _fetches.labels("unchanged" if unchanged else "swapped").inc()

    async def _fall_back_to_copy(self) -> None:
        if self._held is not None or self._copy is None:
            return
        if (found := await in_thread(self._copy.read, self._clock.now())) is not None and not self._closed:
            key_set, fetched_at = found
            self._held = _Held(key_set, fetched_at, stale_at=fetched_at)
            _fetches.labels("copy").inc()


def runs_here(task: asyncio.Task[Any] | None) -> bool:
    """Return whether the task runs and can be waited for: one of an event loop that ended never will be done."""
    # one that was cancelled before it began is done, and could not say so itself
    return task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()


def _within(start: datetime | None, now: datetime, span: timedelta) -> bool:
    """Return whether `now` lies in the span after `start`; a clock that was set back ends the span."""
    return start is not None and timedelta(0) <= now - start < span
