"""The delivery of notices: a task of the auth process that posts what is due, and tries again what failed.

Policy: ADR-0021; Spec: OpenID Connect Back-Channel Logout s2.5 and s2.8
200 and 204 are success, 400 is the client's last word, everything else is tried again until `give_up_after`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import Counter

from services.auth.audit import AuditEvent, AuditTrail
from services.auth.clients.client import Clients
from services.auth.keys.signer import Signer
from services.auth.logout.back_channel.logout_token import TYP, logout_token_claims
from services.auth.logout.back_channel.outbox import BATCH, LEASE, LogoutNotice, LogoutNotices, next_wait
from services.auth.logout.back_channel.post import NotDelivered, Poster
from services.auth.logout.back_channel.turns import PER_CLIENT, Turns
from shared.clock import Clock
from shared.errors import Unavailable

#: How long the task sleeps when nobody wakes it: notices of other processes and of commands are found so.
_PAUSE = timedelta(seconds=2)

_log = logging.getLogger(__name__)
_DELIVERIES = Counter("logout_notices_total", "Attempts to tell a client that a session is over", ["outcome"])


class DeliveryStores(Protocol):
    """What a delivery reads and writes."""

    @property
    def logout_notices(self) -> LogoutNotices: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def audit(self) -> AuditTrail: ...


class DeliveryDatabase(Protocol):
    """Opens those stores, on single durable statements or in one transaction."""

    def autocommit(self) -> AbstractContextManager[DeliveryStores]: ...

    def transaction(self) -> AbstractContextManager[DeliveryStores]: ...


@dataclass
class LogoutDelivery:
    """Delivers the notices of one database. Several processes may do so at once.

    `refresh` brings the signer's keys up to date; it opens the database.
    """

    database: DeliveryDatabase
    clock: Clock
    signer: Signer
    refresh: Callable[[datetime], None]
    issuer: str
    poster: Poster
    give_up_after: timedelta
    _woken: asyncio.Event | None = field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _turns: Turns = field(default_factory=Turns, init=False)
    _on_their_way: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def wake(self) -> None:
        """Look now: a session has ended. From any thread; without a running task it does nothing."""
        if self._loop is not None and self._woken is not None:
            self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Deliver what is due, for ever; an outage of the database is waited out.

        A client that is slow or silent holds up no other: each notice is a task of its own, a few a client (`Turns`).
        """
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        try:
            while True:
                self._woken.clear()
                if not await self._look():
                    await self._sleep(self._woken)
        finally:
            self._loop = self._woken = None
            for task in self._on_their_way:
                task.cancel()

    async def _look(self) -> bool:
        try:
            return bool(await self._begin_due())
        except Unavailable:
            return False  # whoever opened the database has logged it
        except Exception:  # noqa: BLE001 - the task must outlive what nobody foresaw, and it is recorded
            _log.exception("logout notices could not be delivered")
            return False

    @staticmethod
    async def _sleep(woken: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE.total_seconds()):
                await woken.wait()

    async def deliver_due(self) -> int:
        """Claim a batch of what is due and try each; return how many were claimed."""
        begun = await self._begin_due()
        await asyncio.gather(*begun)
        return len(begun)

    async def _begin_due(self) -> list[asyncio.Task[None]]:
        """Claim what is due and has its turn, as far as there is room, and begin to deliver it."""
        room = BATCH - len(self._on_their_way)
        if room <= 0:
            return []
        not_now = self._turns.not_now(self.clock.now())
        begun = []
        for notice in await asyncio.to_thread(self._claim, room, not_now):
            self._turns.begin(notice.client_id)
            task = asyncio.create_task(self._deliver(notice))
            self._on_their_way.add(task)
            task.add_done_callback(self._arrived)
            begun.append(task)
        return begun

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._on_their_way.discard(task)
        if self._woken is not None:
            self._woken.set()

    def _claim(self, room: int, not_now: set[str]) -> list[LogoutNotice]:
        with self.database.autocommit() as stores:
            return stores.logout_notices.claim(
                self.clock.now(), lease=LEASE, limit=room, per_client=PER_CLIENT, without=not_now
            )

    async def _deliver(self, notice: LogoutNotice) -> None:
        well = True
        try:
            well = await self._attempt(notice)
        except Unavailable:
            pass  # logged where it arose; the notice is due again after its lease
        except Exception:  # noqa: BLE001 - likewise
            _log.exception("a logout notice could not be delivered")
        finally:
            self._turns.end(notice.client_id, well=well, now=self.clock.now())

    async def _attempt(self, notice: LogoutNotice) -> bool:
        """Try once, and report whether the client answered."""
        prepared = await asyncio.to_thread(self._prepare, notice)
        if prepared is None:
            await asyncio.to_thread(self._close, notice, "logout_notice_dropped", "the client has no back channel")
            return True
        try:
            status = await self.poster.post(*prepared)
        except NotDelivered as error:
            await asyncio.to_thread(self._failed, notice, str(error))
            return False
        if status in {200, 204}:
            await asyncio.to_thread(self._close, notice, "logout_notice_delivered", None)
        elif status == 400:
            await asyncio.to_thread(self._close, notice, "logout_notice_refused", "the client answered 400")
        else:
            await asyncio.to_thread(self._failed, notice, f"the client answered {status}")
            return False
        return True

    def _prepare(self, notice: LogoutNotice) -> tuple[str, str] | None:
        """Return where to post and the token, signed for this attempt; None: the client wants none any more."""
        now = self.clock.now()
        self.refresh(now)
        with self.database.autocommit() as stores:
            client = stores.clients.find(notice.client_id)
        if client is None or client.disabled_at is not None or client.backchannel_logout_uri is None:
            return None
        claims = logout_token_claims(
            issuer=self.issuer,
            client_id=notice.client_id,
            subject=str(notice.user_id),
            session_id=notice.session_id,
            jti=notice.id,
            now=now,
        )
        return client.backchannel_logout_uri, self.signer.sign(claims, typ=TYP)

    def _failed(self, notice: LogoutNotice, reason: str) -> None:
        now = self.clock.now()
        _log.warning("logout notice for %s: %s (attempt %d)", notice.client_id, reason, notice.attempts)
        with self.database.autocommit() as stores:  # of a client that gets few chances, those that wait for one too
            old = stores.logout_notices.overdue(notice.client_id, before=now - self.give_up_after, limit=BATCH)
        for each in old:
            self._close(each, "logout_notice_given_up", reason)
        if any(each.id == notice.id for each in old):
            return
        _DELIVERIES.labels("failed").inc()
        with self.database.autocommit() as stores:
            stores.logout_notices.put_off(notice, now + next_wait(notice.attempts))

    def _close(self, notice: LogoutNotice, event: str, reason: str | None) -> None:
        now = self.clock.now()
        outcome = event.removeprefix("logout_notice_")
        _DELIVERIES.labels(outcome).inc()
        details = {"attempts": notice.attempts} | ({} if reason is None else {"reason": reason})
        with self.database.transaction() as stores:
            if stores.logout_notices.finish(notice, outcome, now):
                stores.audit.record(
                    AuditEvent(
                        event,
                        now,
                        user_id=notice.user_id,
                        client_id=notice.client_id,
                        session_id=notice.session_id,
                        details=details,
                    )
                )
