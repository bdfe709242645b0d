"""Any interleaving of refresh, retry, replay, theft, revocation, restored backup and clock, against an oracle.

The oracle is the policy (ADR-0009) in its own words; the machine runs on any `FamilyDatabase`: in memory here, on the
real SQL in tests/contracts/auth.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from uuid_utils.compat import uuid7

from services.auth.audit import Origin
from services.auth.keys.key_ring import KeyRing
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import FamilyDatabase, FamilyState, NewFamily, Presented, end_family
from services.auth.tokens.refresh_token import (
    RefreshPolicy,
    RefreshToken,
    mint_refresh_token,
    parse_refresh_token,
    rotate,
)
from services.auth.tokens.status_list import StatusReference
from tests.support.authorizations import new_authorization

START = datetime(2030, 1, 1, tzinfo=UTC)
WINDOW, IDLE, ABSOLUTE = timedelta(seconds=60), timedelta(days=30), timedelta(days=180)
POLICY = RefreshPolicy(WINDOW, IDLE)
ORIGINS = [Origin("192.0.2.1", "Phone"), Origin("198.51.100.7", "Phone"), Origin("192.0.2.1", "curl")]
MAC_KEYS = [bytes([number]) * 32 for number in range(3)]
SEED = b"\x05" * 16
ENDS = ["revoked", "session", "user", "client", "consent"]


@dataclass(frozen=True)
class Oracle:
    """What the policy says that the family is."""

    generation: int
    rotated_at: datetime
    origin: Origin
    moved: bool
    streak: int
    idle_until: datetime
    until: datetime
    dead: bool = False
    steady: int = 0

    def live(self, now: datetime) -> bool:
        return not self.dead and now < self.idle_until and now < self.until


class RotationMachine(RuleBasedStateMachine):
    """One family. `open_database`, `restore_row` and `is_set` are the backend's."""

    open_database: Callable[[], FamilyDatabase]
    user_id = session_id = UUID(int=1)
    client_id = "mobile-app"

    def restore_row(self, family_id: UUID, backup: FamilyState, mac_kid: bytes, origin: Origin) -> None:
        raise NotImplementedError

    def is_set(self, place: StatusReference) -> bool:
        raise NotImplementedError

    @initialize()
    def redeem(self) -> None:
        self.database = type(self).open_database()
        self.ring = KeyRing.of(*MAC_KEYS)
        self.now = START
        self.family_id = uuid7()
        family = NewFamily(
            id=self.family_id,
            authorization=new_authorization(
                client_id=self.client_id, user_id=self.user_id, session_id=self.session_id, auth_time=START
            ),
            seed_hash=hashlib.sha256(SEED).digest(),
            mac_kid=self.ring.current,
            origin=ORIGINS[0],
            idle_expires_at=START + IDLE,
            expires_at=START + ABSOLUTE,
            created_at=START,
        )
        with self.database.transaction() as stores:
            stores.families.add(family)
        self.oracle = Oracle(
            0, START, ORIGINS[0], moved=False, streak=0, idle_until=START + IDLE, until=START + ABSOLUTE
        )
        first = RefreshToken(self.family_id, 0, SEED)
        self.answered = {0: mint_refresh_token(self.ring, first, mac_kid=self.ring.current)}
        self.backup: tuple[Oracle, FamilyState, bytes] | None = None
        self.mac_kid = self.ring.current

    # ------------------------------------------------ what happens

    @rule(back=st.integers(0, 4), origin=st.sampled_from(ORIGINS))
    def refresh(self, back: int, origin: Origin) -> None:
        """Present any token that was ever answered, the newest (0) most of all."""
        generations = sorted(self.answered, reverse=True)
        self.present(generations[min(back, len(generations) - 1)], origin)

    @rule(origin=st.sampled_from(ORIGINS))
    def refresh_and_lose_the_answer(self, origin: Origin) -> None:
        newest = max(self.answered)
        self.present(newest, origin)
        self.present(newest, origin)

    @rule(late=st.sampled_from([3, 2, 59, 60]), thief=st.sampled_from(ORIGINS[1:]), times=st.integers(1, 4))
    def a_thief_keeps_pace(self, late: int, thief: Origin, times: int) -> None:
        for _ in range(times):
            newest = max(self.answered)
            self.present(newest, ORIGINS[0])
            self.now += timedelta(seconds=late)
            self.present(newest, thief)

    @rule(
        step=st.sampled_from([1, 2, 3, 30, 59, 60, 61, 3600, 86_400 * 29, 86_400 * 31]),
        sign=st.sampled_from([1, 1, 1, -1]),
    )
    def the_clock_moves(self, step: int, sign: int) -> None:
        self.now += sign * timedelta(seconds=min(step, 3600) if sign < 0 else step)

    @rule()
    def the_mac_key_changes(self) -> None:
        keys = list(self.ring.keys.values())
        self.ring = KeyRing.of(*keys[1:], keys[0])

    @precondition(lambda self: not self.oracle.dead)
    @rule()
    def a_backup_is_made(self) -> None:
        self.backup = (self.oracle, self.row(), self.mac_kid)

    @precondition(lambda self: self.backup is not None and not self.oracle.dead)
    @rule()
    def the_backup_is_restored(self) -> None:
        assert self.backup is not None
        self.oracle, row, self.mac_kid = self.backup
        self.restore_row(self.family_id, row, self.mac_kid, self.oracle.origin)

    @rule(chance=st.integers(0, 9), how=st.sampled_from(ENDS))
    def it_is_ended(self, chance: int, how: str) -> None:
        if chance:
            return
        self.end(how)
        self.oracle = replace(self.oracle, dead=True)

    def end(self, how: str) -> None:
        """End the family in one of the ways there are; in memory there is but one."""
        del how
        family = self.row()
        with self.database.transaction() as stores:
            ended = end_family(stores, family, reason=EndReason.REVOKED_BY_CLIENT, origin=ORIGINS[0], now=self.now)
        assert ended is not self.oracle.dead

    @rule(other=st.sampled_from(["client", "seed"]))
    def somebody_guesses(self, other: str) -> None:
        """A good family id with another client or seed: refused, and nothing is written."""
        before = self.row()
        changes: dict[str, Any] = {"client_id": "other"} if other == "client" else {"seed_hash": b"x" * 32}
        presented = replace(self.presented(max(self.answered), ORIGINS[2]), **changes)
        assert rotate(self.database, presented, ring=self.ring, policy=POLICY, now=self.now) is None
        assert self.row() == before

    # ------------------------------------------------ what must come of it

    def present(self, generation: int, origin: Origin) -> None:
        grant = rotate(self.database, self.presented(generation, origin), ring=self.ring, policy=POLICY, now=self.now)
        expected, self.oracle = self.decide(generation, origin)
        if expected is None:
            assert grant is None
            return
        assert grant is not None and grant.generation == expected
        answer = mint_refresh_token(
            self.ring, RefreshToken(self.family_id, grant.generation, SEED), mac_kid=grant.mac_kid
        )
        if self.oracle.rotated_at == self.now and self.rotated:
            self.mac_kid = self.ring.current
            assert grant.mac_kid == self.ring.current
        else:
            assert answer == self.answered[expected], "a retry is byte-identical"
        self.answered[expected] = answer

    def decide(self, generation: int, origin: Origin) -> tuple[int | None, Oracle]:
        """Return the generation that the policy answers, and what the family is then."""
        family, self.rotated = self.oracle, False
        if not family.live(self.now):
            return None, family
        if generation > family.generation:
            # the database went back in time: what it knows of retries is about other tokens
            family = replace(family, generation=generation, moved=False, streak=0, steady=0)
        if generation == family.generation:
            if family.moved and family.streak == 2:
                return None, replace(family, dead=True)
            self.rotated = True
            steady = 0 if family.moved else family.steady + 1
            streak = family.streak + 1 if family.moved else 0 if steady >= 10 else family.streak
            return generation + 1, Oracle(
                generation + 1, self.now, origin, False, streak, self.now + IDLE, family.until, steady=steady
            )  # fmt: skip
        if generation == family.generation - 1 and self.now - family.rotated_at < WINDOW:
            another = origin.agent != family.origin.agent
            return family.generation, replace(family, moved=family.moved or another)
        return None, replace(family, dead=True)

    def presented(self, generation: int, origin: Origin) -> Presented:
        token = parse_refresh_token(self.ring, self.answered[generation])
        assert token is not None and token.generation == generation
        return Presented(token.family_id, token.generation, token.seed_hash, self.client_id, None, origin)

    def row(self) -> FamilyState:
        with self.database.transaction() as stores:
            found = stores.families.find(self.family_id)
        assert found is not None
        return found

    @invariant()
    def a_family_is_dead_exactly_when_its_bit_is_set(self) -> None:
        """So no token that was answered after a revocation was answered works: not here, and at no API."""
        row = self.row()
        assert self.is_set(row.status) is (row.revoked_at is not None)

    @invariant()
    def the_row_is_what_the_policy_says(self) -> None:
        row, family = self.row(), self.oracle
        assert (row.generation, row.rotated_at, row.moved, row.streak, row.steady, row.revoked_at is not None) == (
            family.generation,
            family.rotated_at,
            family.moved,
            family.streak,
            family.steady,
            family.dead,
        )
        assert (row.idle_expires_at, row.expires_at) == (family.idle_until, family.until)
