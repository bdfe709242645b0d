"""Rotation in memory: the state machine, and each attack by its name (ADR-0009, RFC 9700 s4.14.2)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from services.auth.audit import Origin
from services.auth.keys.key_ring import KeyRing
from services.auth.tokens.family import FamilyState, Grant, NewFamily, Presented
from services.auth.tokens.refresh_token import origin_hash, rotate
from services.auth.tokens.status_list import StatusReference
from shared.errors import Unavailable
from tests.support.authorizations import new_authorization
from tests.unit.auth.families import MemoryDatabase, MemoryFamilies
from tests.unit.auth.tokens.rotation_machine import ABSOLUTE, IDLE, MAC_KEYS, POLICY, START, RotationMachine

HOME, CAFE = Origin("192.0.2.1", "Phone"), Origin("203.0.113.9", "Phone")
THIEF = Origin("203.0.113.9", "curl")
FAMILY = UUID(int=77)


class InMemory(RotationMachine):
    open_database = MemoryDatabase

    def is_set(self, place: StatusReference) -> bool:
        assert isinstance(self.database, MemoryDatabase)
        return place in self.database.status_shards.revoked

    def restore_row(self, family_id: UUID, backup: FamilyState, mac_kid: bytes, origin: Origin) -> None:
        assert isinstance(self.database, MemoryDatabase)
        row = self.database.families.rows[family_id]
        row.state, row.mac_kid, row.origin_hash = backup, mac_kid, origin_hash(origin)


@pytest.mark.requirement("RFC9700-2.2.2")
def test_any_interleaving_keeps_the_policy() -> None:
    run_state_machine_as_test(
        InMemory,
        settings=settings(
            max_examples=120,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@dataclass
class Phone:
    """A family and its clock."""

    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    ring: KeyRing = field(default_factory=lambda: KeyRing.of(MAC_KEYS[0]))
    now: datetime = START

    def __post_init__(self) -> None:
        self.database.families.add(
            NewFamily(
                id=FAMILY,
                authorization=new_authorization(auth_time=START),
                seed_hash=b"seed",
                mac_kid=self.ring.current,
                origin=HOME,
                idle_expires_at=START + IDLE,
                expires_at=START + ABSOLUTE,
                created_at=START,
            )
        )

    def present(self, generation: int, origin: Origin = HOME, after: float = 0, seed: bytes = b"seed") -> Grant | None:
        self.now += timedelta(seconds=after)
        presented = Presented(FAMILY, generation, seed, "app", None, origin)
        return rotate(self.database, presented, ring=self.ring, policy=POLICY, now=self.now)

    @property
    def revoked(self) -> bool:
        return self.database.families.rows[FAMILY].state.revoked_at is not None


def generation_of(grant: Grant | None) -> int:
    assert grant is not None
    return grant.generation


def test_a_lost_response_is_answered_with_the_same_successor() -> None:
    phone = Phone()
    assert generation_of(phone.present(0)) == 1
    assert generation_of(phone.present(0, after=59.9)) == 1
    assert phone.database.events == []


def test_retries_inside_the_window_are_not_capped() -> None:
    phone = Phone()
    assert {generation_of(phone.present(0)) for _ in range(200)} == {1}
    assert phone.database.families.rows[FAMILY].replays == 199


def test_a_retry_when_the_window_has_closed_is_reuse() -> None:
    phone = Phone()
    phone.present(0)
    assert phone.present(0, after=60) is None
    assert phone.revoked and phone.database.events == ["refresh_token_reuse"]
    assert len(phone.database.told) == 1, "its owner is told, once"
    assert phone.present(1) is None, "the successor is dead too"


def test_an_older_generation_is_reuse_even_inside_the_window() -> None:
    phone = Phone()
    phone.present(0)
    phone.present(1)
    assert phone.present(0) is None
    assert phone.revoked


def test_a_wrong_seed_or_client_cannot_end_the_owners_family() -> None:
    phone = Phone()
    phone.present(0)
    phone.present(1)
    assert phone.present(0, seed=b"guess") is None
    assert not phone.revoked and phone.database.events == []
    assert generation_of(phone.present(2)) == 3


def test_reuse_is_recorded_once_however_often_it_is_tried() -> None:
    phone = Phone()
    phone.present(0)
    for _ in range(5):
        assert phone.present(0, after=61) is None
    assert phone.database.events == ["refresh_token_reuse"]


RETRIED = "refresh_token_retried_by_another_agent"


def test_a_thief_who_keeps_pace_is_reuse_at_the_third_rotation() -> None:
    phone = Phone()
    for generation in range(3):
        assert generation_of(phone.present(generation)) == generation + 1
        assert generation_of(phone.present(generation, THIEF)) == generation + 1
    assert phone.present(3) is None
    assert phone.revoked and phone.database.events == [RETRIED, RETRIED, RETRIED, "refresh_token_reuse"]
    first = phone.database.recorded[0]
    assert first.origin == THIEF and first.details == {"rotated_from": HOME.network}


def test_a_thief_who_is_in_time_now_and_then_is_seen_all_the_same() -> None:
    phone = Phone()
    for generation in range(6):
        if phone.present(generation) is None:
            break
        if generation % 3 != 2:
            phone.present(generation, THIEF, after=3)
    assert phone.revoked


@pytest.mark.parametrize("after", [0, 2, 5, 59])
def test_a_dual_stack_phone_whose_refreshes_are_lost_on_one_network_is_no_thief(after: int) -> None:
    phone = Phone()
    for generation in range(20):
        assert generation_of(phone.present(generation, HOME)) == generation + 1
        assert generation_of(phone.present(generation, CAFE, after=after)) == generation + 1
    assert not phone.revoked and phone.database.events == []


def test_ten_rotations_in_a_row_without_such_a_retry_end_the_suspicion_and_nine_do_not() -> None:
    for quiet, ended in ((9, True), (10, False)):
        phone, generation = Phone(), 0
        for retried in (True, True, *(False for _ in range(quiet)), True):
            phone.present(generation)
            if retried:
                phone.present(generation, THIEF)
            generation += 1
        assert (phone.present(generation) is None) is ended


def test_a_restored_backup_is_caught_up_with() -> None:
    phone = Phone()
    assert generation_of(phone.present(9)) == 10
    assert phone.database.events == ["generation_ahead"]
    assert phone.database.recorded[0].details == {"stored": 0, "presented": 9}
    assert generation_of(phone.present(9)) == 10, "its retry too"


def test_unused_for_thirty_days_it_is_over_and_use_prolongs_it() -> None:
    phone = Phone()
    assert phone.present(0, after=30 * 86_400 - 1) is not None
    assert phone.present(1, after=30 * 86_400 - 1) is not None
    assert phone.present(2, after=30 * 86_400) is None
    assert not phone.revoked and phone.database.events == []


def test_after_180_days_it_is_over_however_much_it_was_used() -> None:
    phone = Phone()
    for generation in range(8):
        assert phone.present(generation, after=20 * 86_400) is not None
    assert phone.present(8, after=20 * 86_400 - 1) is not None
    assert phone.present(9, after=1) is None


def test_a_disabled_user_is_refused() -> None:
    phone = Phone()
    phone.present(0)
    phone.database.families.disabled_users.add(UUID(int=1))
    for generation in (0, 1, 2):
        assert phone.present(generation) is None
    assert phone.database.events == [], "no theft"
    phone.database.families.disabled_users.clear()
    assert generation_of(phone.present(1)) == 2, "and nothing was used up meanwhile"


def test_a_row_that_keeps_changing_is_unavailable_and_not_reuse() -> None:
    class Restless(MemoryFamilies):
        def rotate(self, presented: Presented, **_: object) -> None:
            assert presented.family_id in self.rows  # and still it never takes

    phone = Phone()
    restless = Restless(rows=phone.database.families.rows)
    phone.database.families = restless
    with pytest.raises(Unavailable):
        phone.present(0)
    assert not phone.revoked
