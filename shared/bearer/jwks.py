"""The issuer's signing keys, held in memory, so that requests with a known key neither wait for it nor die with it.

Spec: RFC 7517 s5
Policy: keys are fresh for as long as Cache-Control says (30 s to 1 h), then refreshed in the background; they serve
for at most 24 h without a successful fetch. A failed fetch drops nothing. An unknown kid costs one fetch, shared by
all who wait, and then none for 30 s, however many kids are forged.
"""

import asyncio
import logging
import re
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from prometheus_client import Counter
from starlette.concurrency import run_in_threadpool

from shared.bearer.key_set import MAX_DOCUMENT_BYTES, BadKeySet, KeySet, parse_key_set
from shared.bearer.key_set_copy import KeySetCopy
from shared.clock import Clock
from shared.errors import Unavailable

MIN_FRESH, DEFAULT_FRESH, MAX_FRESH = timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1)
MAX_AGE = timedelta(hours=24)
COOLDOWN = timedelta(seconds=30)
#: How soon a fetch is tried again while there are no keys at all: nothing can be served before.
RETRY = timedelta(seconds=1)
FETCH_TIMEOUT = timedelta(seconds=5)
MAX_UNKNOWN_KIDS = 1024

_log = logging.getLogger(__name__)

_fetches = Counter("bearer_jwks_fetches", "Fetches of the key set, by result.", ["result"])
_lookups = Counter("bearer_jwks_lookups", "Look-ups of a key by kid, by how they ended.", ["result"])

_RANDOM = secrets.SystemRandom()
_MAX_AGE_DIRECTIVE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)


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
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        """`last_good` is a file for the last good set; `jitter` gives 0 to 1; `transport` is for tests."""
        self.url = url
        self._clock = clock
        self._copy = None if last_good is None else KeySetCopy(last_good, url)
        self._transport = transport
        self._tls = ssl.create_default_context()  # once: it reads every root certificate of the machine
        self._jitter = jitter
        self._held: _Held | None = None
        self._fetching: asyncio.Task[bool] | None = None
        self._failed_at: datetime | None = None
        self._asked_for_unknown_at: datetime | None = None
        self._unknown: dict[str, None] = {}

    def current(self) -> KeySet | None:
        """Return the keys in force, None when there are none; stale ones start a refresh that nobody waits for."""
        now = self._clock.now()
        if (held := self._in_force(now)) is None:
            return None
        if not held.fetched_at <= now < held.stale_at and not _within(self._failed_at, now, COOLDOWN):
            self._start_fetch()
        return held.key_set

    async def key_set(self) -> KeySet:
        """Return the keys in force, fetched now if there are none.

        Raises:
            Unavailable: there are none, and the issuer cannot be reached.
        """
        if (key_set := self.current()) is not None:
            return key_set
        # a fetch under way is waited for even after its failure is known: it may still bring the last good copy
        if self._fetching is not None or not _within(self._failed_at, self._clock.now(), RETRY):
            await self._fetch()
        if (key_set := self.current()) is None:
            _lookups.labels("no_keys").inc()
            raise Unavailable("The issuer's signing keys cannot be had.", RETRY)
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
        if self._fetching is None:
            now = self._clock.now()
            if _within(self._asked_for_unknown_at, now, COOLDOWN):
                _lookups.labels("cooldown").inc()
                return None
            self._asked_for_unknown_at = now
        fetched = await self._fetch()
        key = (await self.key_set()).keys.get(kid)
        if key is None and fetched:
            self._remember_unknown(kid)
        _lookups.labels("missing" if key is None else "fetched").inc()
        return key

    async def warm_up(self) -> None:
        """Return once there are keys; a service runs it beside itself when it starts."""
        while self.current() is None:
            await self._fetch()
            if self.current() is None:
                await asyncio.sleep(RETRY.total_seconds())

    def ready(self) -> None:
        """Raise Unavailable unless there are keys in force. Starts nothing, so that any thread may ask."""
        if self._in_force(self._clock.now()) is None:
            raise Unavailable("no signing keys of the issuer yet")

    def _in_force(self, now: datetime) -> _Held | None:
        return self._held if self._held is not None and now - self._held.fetched_at < MAX_AGE else None

    def _remember_unknown(self, kid: str) -> None:
        if len(self._unknown) >= MAX_UNKNOWN_KIDS:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[kid] = None

    async def _fetch(self) -> bool:
        """Wait for the fetch that is under way, or for a new one; return whether it brought keys."""
        # shielded: the caller that gives up must not end the fetch of the others
        return await asyncio.shield(self._start_fetch())

    def _start_fetch(self) -> asyncio.Task[bool]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch_once())
        return self._fetching

    async def _fetch_once(self) -> bool:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT.total_seconds()):
                document, fresh = await self._download()
            key_set = parse_key_set(document)
        except Exception as error:  # noqa: BLE001 - whatever it was, the keys that we hold go on serving
            if self._failed_at is None:  # once an outage; the metric counts each
                _log.warning("the key set cannot be fetched: %s: %s", type(error).__name__, error)
            self._failed_at = self._clock.now()
            _fetches.labels("failed").inc()
            await self._fall_back_to_copy()
            return False
        else:
            now = self._clock.now()
            unchanged = self._held is not None and self._held.key_set.fingerprint == key_set.fingerprint
            # up to a fifth earlier, so that many processes do not ask in the same second
            self._held = _Held(key_set, now, now + max(MIN_FRESH, fresh * (1 - self._jitter() / 5)))
            if self._failed_at is not None:
                _log.info("the key set is fetched again")
                self._failed_at = None
            self._unknown.clear()
            _fetches.labels("unchanged" if unchanged else "swapped").inc()
            if self._copy is not None:
                await run_in_threadpool(self._copy.write, document, now)
            return True
        finally:
            self._fetching = None

    async def _download(self) -> tuple[bytes, timedelta]:
        # No proxy and no .netrc of the environment: keys come straight from the address in the settings.
        # No redirects: whoever could send one would choose the keys.
        client = httpx2.AsyncClient(
            transport=self._transport,
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=FETCH_TIMEOUT.total_seconds(),
            headers={"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"},
        )
        async with client, client.stream("GET", self.url) as response:
            if response.status_code != 200:
                raise BadKeySet(f"status {response.status_code}")
            document = b""
            async for chunk in response.aiter_raw():  # raw: what a compressed body would grow to is unknown
                document += chunk
                if len(document) > MAX_DOCUMENT_BYTES:
                    raise BadKeySet("too large")
            return document, _fresh_for(response.headers.get("Cache-Control", ""))

    async def _fall_back_to_copy(self) -> None:
        if self._held is not None or self._copy is None:
            return
        if (found := await run_in_threadpool(self._copy.read, self._clock.now())) is not None:
            key_set, fetched_at = found
            self._held = _Held(key_set, fetched_at, stale_at=fetched_at)
            _fetches.labels("copy").inc()


def _within(start: datetime | None, now: datetime, span: timedelta) -> bool:
    """Return whether `now` lies in the span after `start`; a clock that was set back ends the span."""
    return start is not None and timedelta(0) <= now - start < span


def _fresh_for(cache_control: str) -> timedelta:
    """Return for how long the answer may be used unasked, within our bounds (RFC 9111 s5.2.2)."""
    if re.search(r"no-store|no-cache", cache_control, re.IGNORECASE):
        return MIN_FRESH
    found = _MAX_AGE_DIRECTIVE.search(cache_control)
    fresh = DEFAULT_FRESH if found is None else timedelta(seconds=int(found[1]))
    return min(max(fresh, MIN_FRESH), MAX_FRESH)
