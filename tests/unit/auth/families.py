"""Families in memory: the port of `tokens.family`, as its documentation reads, for tests without SQL."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.auth.audit import AuditEvent, Origin
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import Belonging, EndedFamily, FamilyState, Grant, NewFamily, Presented, Retried
from services.auth.tokens.refresh_token import origin_hash
from services.auth.tokens.status_list import StatusReference


@dataclass
class Row:
    """One family, with what `FamilyState` doesn't show."""

    new: NewFamily
    state: FamilyState
    mac_kid: bytes
    origin_hash: bytes
    replays: int = 0
    network: str = ""
    reason: EndReason | None = None

    def set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)


def _streak(row: Row, steady_limit: int) -> int:
    if row.state.moved:
        return row.state.streak + 1
    return 0 if row.state.steady + 1 >= steady_limit else row.state.streak


@dataclass
class MemoryFamilies:
    """Implements `Families`."""

    rows: dict[UUID, Row] = field(default_factory=dict)
    disabled_users: set[UUID] = field(default_factory=set)

    def add(self, family: NewFamily) -> StatusReference:
        place = StatusReference(0, len(self.rows))
        state = FamilyState(
            id=family.id,
            authorization=family.authorization,
            seed_hash=family.seed_hash,
            generation=0,
            rotated_at=family.created_at,
            moved=False,
            streak=0,
            steady=0,
            idle_expires_at=family.idle_expires_at,
            expires_at=family.expires_at,
            revoked_at=None,
            enabled=family.authorization.user_id not in self.disabled_users,
            status=place,
        )
        self.rows[family.id] = Row(family, state, family.mac_kid, origin_hash(family.origin))
        return place

    def find(self, family_id: UUID) -> FamilyState | None:
        row = self.rows.get(family_id)
        if row is None:
            return None
        row.set(enabled=row.new.authorization.user_id not in self.disabled_users)
        return row.state

    def _live(self, presented: Presented, generation: int, now: datetime) -> Row | None:
        self.find(presented.family_id)
        row = self.rows.get(presented.family_id)
        if row is None or not row.state.live(now) or row.state.generation != generation:
            return None
        mine = row.state.seed_hash == presented.seed_hash and row.state.authorization.client_id == presented.client_id
        fits = row.state.authorization.dpop_jkt in {None, presented.jkt}
        return row if mine and fits else None

    def rotate(
        self,
        presented: Presented,
        *,
        mac_kid: bytes,
        idle_expires_at: datetime,
        streak_limit: int,
        steady_limit: int,
        now: datetime,
    ) -> Grant | None:
        row = self._live(presented, presented.generation, now)
        if row is None or (row.state.moved and row.state.streak + 1 >= streak_limit):
            return None
        steady = 0 if row.state.moved else row.state.steady + 1
        row.set(
            generation=row.state.generation + 1,
            rotated_at=now,
            streak=_streak(row, steady_limit),
            steady=steady,
            moved=False,
            idle_expires_at=idle_expires_at,
        )
        row.mac_kid, row.origin_hash, row.replays = mac_kid, origin_hash(presented.origin), 0
        row.network = presented.origin.network
        return self._grant(row)

    def retry(self, presented: Presented, *, window: timedelta, now: datetime) -> Retried | None:
        row = self._live(presented, presented.generation + 1, now)
        bound = row is not None and row.state.authorization.dpop_jkt is not None
        if row is None or (not bound and row.state.rotated_at <= now - window):
            return None
        another_agent = not bound and row.origin_hash != origin_hash(presented.origin)
        if another_agent:
            row.set(moved=True)
        row.replays += 1
        return Retried(self._grant(row), row.network if another_agent else None)

    def fast_forward(self, family_id: UUID, *, read: int, to: int) -> bool:
        row = self.rows[family_id]
        if row.state.generation != read:
            return False
        row.set(generation=to, moved=False, streak=0, steady=0)
        return True

    def revoke(self, family_id: UUID, *, reason: EndReason, now: datetime, generation: int | None = None) -> bool:
        row = self.rows[family_id]
        if row.state.revoked_at is not None or generation not in {None, row.state.generation}:
            return False
        row.set(revoked_at=now)
        row.reason = reason
        return True

    def revoke_all(self, which: Belonging, *, reason: EndReason, now: datetime) -> list[EndedFamily]:
        ended = []
        for row in self.rows.values():
            mine = row.new.authorization
            theirs = which.user_id in {None, mine.user_id} and which.client_id in {None, mine.client_id}
            theirs = theirs and which.family_id in {None, row.new.id} and which.not_session_id != mine.session_id
            if (
                theirs
                and which.session_id in {None, mine.session_id}
                and self.revoke(row.new.id, reason=reason, now=now)
            ):
                reference = row.state.status
                ended.append(EndedFamily(row.new.id, mine.client_id, mine.user_id, mine.session_id, reference))
        return ended

    def _grant(self, row: Row) -> Grant:
        return Grant(
            family_id=row.new.id,
            authorization=row.new.authorization,
            generation=row.state.generation,
            mac_kid=row.mac_kid,
            roles=(),
            team=None,
            status=row.state.status,
        )


@dataclass
class MemoryShards:
    """Implements `StatusShards`."""

    revoked: set[StatusReference] = field(default_factory=set)

    def revoke(self, places: Iterable[StatusReference], now: datetime) -> None:
        del now
        self.revoked |= set(places)


@dataclass
class MemoryDatabase:
    """Implements `FamilyDatabase`, and is its own stores."""

    families: MemoryFamilies = field(default_factory=MemoryFamilies)
    status_shards: MemoryShards = field(default_factory=MemoryShards)
    recorded: list[AuditEvent] = field(default_factory=list)
    told: list[UUID] = field(default_factory=list)

    @property
    def notices(self) -> "MemoryDatabase":
        return self

    def reuse_detected(self, user_id: UUID, origin: Origin, now: datetime) -> None:
        del origin, now
        self.told.append(user_id)

    @property
    def audit(self) -> "MemoryDatabase":
        return self

    def record(self, event: AuditEvent) -> None:
        self.recorded.append(event)

    def pseudonymise(self, user_id: UUID) -> UUID:
        raise NotImplementedError

    @property
    def events(self) -> list[str]:
        return [event.event for event in self.recorded]

    @contextmanager
    def autocommit(self) -> Iterator["MemoryDatabase"]:
        yield self

    @contextmanager
    def transaction(self) -> Iterator["MemoryDatabase"]:
        yield self
