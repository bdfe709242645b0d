"""The issuer's status lists, held in memory, so that a revoked token is refused without a call for each request.

Spec: draft-ietf-oauth-status-list-17 s8.3, s8.4
Policy: ADR-0016. A shard that tokens name is fetched in the background every `ttl`. A request waits only for a
shard that is not held, is past its `exp`, or was not looked at for ttl + 1 s: for one shared fetch, 2 s at most, one
try in 5 s. While the issuer is away a list serves past its `exp` for as long as any token could live, except on
routes that fail closed. A revoked sign-in is therefore refused within ttl + 1 s + the time of a fetch.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Counter, Gauge

from shared.bearer.challenge import InvalidToken
from shared.bearer.keys.copies import StatusListCopies, in_thread
from shared.bearer.keys.jwks import runs_here
from shared.bearer.status.source import StatusSource
from shared.bearer.status.status_list import BadStatusList, StatusList, StatusReference
from shared.clock import Clock
from shared.errors import Unavailable
from shared.problem_codes import ProblemCode

#: How long a request waits for a list, and how long after a failed try for the next.
WAIT, RETRY = timedelta(seconds=2), timedelta(seconds=5)
#: How much later than `ttl` a look may be before requests wait for it.
GRACE = timedelta(seconds=1)
MAX_SHARDS = 1024

_log = logging.getLogger(__name__)

_fetches = Counter("bearer_status_fetches", "Fetches of a status list, by result.", ["result"])
_checks = Counter("bearer_status_checks", "Checks of a token's status that found more than a zero bit.", ["result"])
_age = Gauge("bearer_status_list_age_seconds", "Since when a status list is known to be current.", ["shard"])

_RANDOM = secrets.SystemRandom()


@dataclass
class _Shard:
    """What is known of one shard. `checked_at`: when the look began that found `list` to be current."""

    number: int
    used_at: datetime
    list: StatusList | None = None
    etag: str | None = None
    checked_at: datetime | None = None
    tried_at: datetime | None = None
    failed: bool = False
    fetching: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None

    def age(self, now: datetime) -> timedelta:
        """Return for how long the list was not looked at; a clock that was set back makes it old."""
        if self.checked_at is None or now < self.checked_at:
            return timedelta.max
        return now - self.checked_at

    def is_fetching(self) -> bool:
        """Return whether a fetch runs."""
        return runs_here(self.fetching)

    def may_be_tried(self, now: datetime) -> bool:
        """Return whether the next try is due: 5 s after a failed one, sooner after a good one of a short ttl."""
        if self.tried_at is None or now < self.tried_at:
            return True
        pause = RETRY if self.failed or self.list is None else min(self.list.ttl, RETRY)
        return now - self.tried_at >= pause


class StatusCache:
    """The status lists of one issuer. Belongs to one event loop; holds no lock and needs none."""

    def __init__(
        self,
        source: StatusSource,
        clock: Clock,
        *,
        max_stale: timedelta,
        copies: StatusListCopies | None = None,
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        """`max_stale`: for how long a list serves past its `exp`; `copies` keep the last good lists on disk."""
        self._source = source
        self._clock = clock
        self._max_stale = max_stale
        self._copies = copies
        self._jitter = jitter
        self._shards: dict[int, _Shard] = {}
        self._closed = False

    def open(self) -> None:
        """Begin with nothing held, as a new cache does. Also after `aclose`, in another event loop."""
        for shard in list(self._shards.values()):
            self._drop(shard)
        self._closed = False
        self._source.open()

    async def keep_warm(self) -> None:
        """Begin to look at the shards of which there are copies: tokens named them before this process began."""
        if self._copies is not None:
            now = self._clock.now()
            for number in (await in_thread(self._copies.shards))[:MAX_SHARDS]:
                self._start_fetch(self._shards.get(number) or self._new_shard(number, now))

    def is_valid(self, reference: StatusReference, now: datetime) -> bool:
        """Return whether a list that needs no look yet says that the token of that reference is not revoked.

        False says nothing of the token: `require_valid` does.
        """
        shard = self._shards.get(reference.shard)
        if shard is None or (held := shard.list) is None or (checked_at := shard.checked_at) is None:
            return False
        if not checked_at <= now < held.expires_at or now - checked_at >= held.ttl:
            return False
        shard.used_at = now
        return not held.is_set(reference.index)

    async def require_valid(self, reference: StatusReference) -> None:
        """Return if the token of that reference is not revoked, as far as is known.

        Raises:
            InvalidToken: it is revoked, or the list does not reach that far.
            Unavailable: no list is held, or none recent enough.
        """
        now = self._clock.now()
        shard = self._shards.get(reference.shard) or self._new_shard(reference.shard, now)
        shard.used_at = now
        held, age = shard.list, shard.age(now)
        if held is None or not held.is_current(now) or age >= held.ttl + GRACE:
            held = await self._looked_up(shard, stale_ok=True)
        elif age >= held.ttl:
            self._start_fetch(shard)
        if held.is_set(reference.index):
            _checks.labels("revoked").inc()
            raise InvalidToken("revoked")

    async def require_fresh(self, reference: StatusReference) -> None:
        """Return if the list of that token is not past its `exp`; the token is one that `require_valid` let pass.

        Raises:
            InvalidToken: it was revoked in this moment.
            Unavailable: the list is past its `exp`, and no other can be had.
        """
        now = self._clock.now()
        shard = self._shards.get(reference.shard) or self._new_shard(reference.shard, now)
        held = shard.list
        if held is None or not held.is_current(now):
            held = await self._looked_up(shard, stale_ok=False)
        if held.is_set(reference.index):
            raise InvalidToken("revoked")

    def keys_changed(self) -> None:
        """Make a list whose signing key is no longer the issuer's be looked at before it is used again."""
        for shard in self._shards.values():
            if shard.list is not None and not self._source.trusts(shard.list):
                shard.checked_at = shard.tried_at = shard.etag = None

    async def aclose(self) -> None:
        """End what runs in the background. No list serves any more: word of a revocation could not reach it."""
        self._closed = True
        running = set()
        for shard in self._shards.values():
            if shard.timer is not None:
                shard.timer.cancel()
            if shard.fetching is not None and shard.is_fetching():
                shard.fetching.cancel()
                running.add(shard.fetching)
        if running:
            await asyncio.wait(running)
        for shard in list(self._shards.values()):
            self._drop(shard)
        await self._source.aclose()

    async def _looked_up(self, shard: _Shard, *, stale_ok: bool) -> StatusList:
        """Return the shard's list after a try to bring it up to date; the stale rules decide whether it still serves.

        Raises:
            Unavailable: there is none, or not one that may be used.
        """
        self._start_fetch(shard)
        # After a failure the tries go on behind the requests, except for those that could not be answered at all.
        wait = not shard.failed or not self._serves(shard.list, stale_ok=stale_ok)
        if wait and shard.fetching is not None and shard.is_fetching():
            await asyncio.wait({shard.fetching}, timeout=WAIT.total_seconds())
        held = shard.list
        if held is None or not self._serves(held, stale_ok=stale_ok):
            _checks.labels("no_list" if held is None else "too_old").inc()
            detail = "Whether the token was revoked cannot be told at this moment."
            raise Unavailable(detail, RETRY, ProblemCode.ISSUER_UNAVAILABLE)
        if self._clock.now() >= held.expires_at:
            _checks.labels("stale").inc()
        return held

    def _serves(self, held: StatusList | None, *, stale_ok: bool) -> bool:
        stale = self._max_stale if stale_ok else timedelta(0)
        return held is not None and not self._closed and held.is_current(self._clock.now(), stale=stale)

    def _new_shard(self, number: int, now: datetime) -> _Shard:
        if len(self._shards) >= MAX_SHARDS:
            self._drop(min(self._shards.values(), key=lambda shard: shard.used_at))
        shard = self._shards[number] = _Shard(number, used_at=now)
        _age.labels(number).set_function(lambda: shard.age(self._clock.now()).total_seconds())
        return shard

    def _drop(self, shard: _Shard) -> None:
        del self._shards[shard.number]
        _age.remove(shard.number)
        if shard.timer is not None:
            shard.timer.cancel()

    def _start_fetch(self, shard: _Shard) -> None:
        if not shard.is_fetching() and not self._closed and shard.may_be_tried(self._clock.now()):
            shard.fetching = asyncio.create_task(self._fetch(shard))

    def _due(self, shard: _Shard) -> None:
        """Look again, also when no request came meanwhile: the next one may come while the issuer is away."""
        shard.timer = None
        if not shard.is_fetching() and not self._closed:
            shard.fetching = asyncio.create_task(self._fetch(shard))

    async def _fetch(self, shard: _Shard) -> None:
        loop = asyncio.get_running_loop()
        started, started_at = loop.time(), self._clock.now()
        shard.tried_at = started_at
        try:
            # An expired list wants a whole answer: a 304 says that nothing changed, and extends no `exp`.
            expired = shard.list is None or started_at >= shard.list.expires_at
            found = await self._source.fetch(shard.number, None if expired else shard.etag)
            if found is not None:
                self._accept(shard, *found)
            shard.checked_at = started_at
        except Exception as error:  # noqa: BLE001 - whatever it was, the list that we hold goes on serving
            if not shard.failed:  # once an outage; the metric counts each
                _log.warning("status list %d cannot be fetched: %s: %s", shard.number, type(error).__name__, error)
            shard.failed = True
            _fetches.labels("older" if isinstance(error, OlderStatusList) else "failed").inc()
            await self._fall_back_to_copy(shard)
        else:
            if shard.failed:
                _log.info("status list %d is fetched again", shard.number)
            shard.failed = False
            _fetches.labels("not_modified" if found is None else "fetched").inc()
            if found is not None and self._copies is not None:
                await in_thread(self._copies.write, shard.number, found[0].token)
        finally:
            shard.fetching = None
            self._schedule(shard, loop, elapsed=loop.time() - started)

    def _schedule(self, shard: _Shard, loop: asyncio.AbstractEventLoop, elapsed: float) -> None:
        if self._closed:
            return
        pause = RETRY if shard.failed or shard.list is None else shard.list.ttl
        # up to a tenth earlier, so that many processes do not ask in the same second
        delay = pause.total_seconds() * (1 - self._jitter() / 10) - elapsed
        if shard.timer is not None:
            shard.timer.cancel()
        shard.timer = loop.call_later(max(delay, 0.1), self._due, shard)

    def _accept(self, shard: _Shard, found: StatusList, etag: str | None) -> None:
        held = shard.list
        if held is not None and self._source.trusts(held):
            if found.version < held.version:
                raise OlderStatusList(f"version {found.version} after {held.version}")
            signed_earlier = found.version == held.version and found.expires_at < held.expires_at
            if signed_earlier and held.issued_at <= self._clock.now():  # else the clock was set back
                return
        shard.list, shard.etag = found, etag

    async def _fall_back_to_copy(self, shard: _Shard) -> None:
        if shard.list is not None or self._copies is None:
            return
        if (token := await in_thread(self._copies.read, shard.number)) is None:
            return
        try:
            shard.list = await self._source.read(shard.number, token)
        except (BadStatusList, Unavailable) as error:
            _log.warning("the copy of status list %d was passed over: %s", shard.number, error)
        else:
            shard.checked_at = shard.list.issued_at
            _fetches.labels("copy").inc()


class OlderStatusList(BadStatusList):
    """The issuer answered with a state of the shard that it had already left behind."""
