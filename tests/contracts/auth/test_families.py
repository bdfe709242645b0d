"""The port of families on the real SQL: each method one statement, and the state machine over all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from services.auth import revocation as ends
from services.auth.audit import Origin
from services.auth.storage.tables import clients, families, users
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import FamilyState, NewFamily, Presented, end_family
from services.auth.tokens.refresh_token import origin_hash
from services.auth.tokens.status_list import SHARD_SIZE, StatusReference
from shared.testing import ALICE
from tests.contracts.auth.conftest import HOME, NOON, SEED_HASH, Stage, bit
from tests.unit.auth.tokens.rotation_machine import RotationMachine

CAFE = Origin("203.0.113.9", "Phone/1")
THIEF = Origin("203.0.113.9", "curl")
IDLE = NOON + timedelta(days=30)


def presented(family: NewFamily, generation: int = 0, origin: Origin = HOME) -> Presented:
    return Presented(family.id, generation, SEED_HASH, "app", None, origin)


def rotate(stage: Stage, token: Presented, now: datetime = NOON) -> int | None:
    with stage.auth.autocommit() as stores:
        grant = stores.families.rotate(
            token, mac_kid=b"kid1", idle_expires_at=IDLE, streak_limit=3, steady_limit=10, now=now
        )
    return None if grant is None else grant.generation


def retry(stage: Stage, token: Presented, now: datetime = NOON) -> int | None:
    with stage.auth.autocommit() as stores:
        retried = stores.families.retry(token, window=timedelta(seconds=60), now=now)
    return None if retried is None else retried.grant.generation


def state(stage: Stage, family: NewFamily) -> FamilyState:
    with stage.auth.autocommit() as stores:
        found = stores.families.find(family.id)
    assert found is not None
    return found


def test_any_interleaving_keeps_the_policy(stage: Stage) -> None:
    class OnSql(RotationMachine):
        user_id, session_id, client_id = stage.session.user_id, stage.session.id, "app"

        @staticmethod
        def open_database():  # type: ignore[no-untyped-def] # noqa: ANN205 - the machine knows the type
            return stage.auth

        def end(self, how: str) -> None:
            ended: Any = {"origin": HOME, "now": self.now}
            with stage.auth.transaction() as stores:
                if how == "user":
                    assert ends.set_enabled(stores, self.user_id, enabled=False, **ended)
                    assert ends.set_enabled(stores, self.user_id, enabled=True, **ended)
                elif how == "client":
                    assert ends.set_enabled(stores, self.client_id, enabled=False, **ended)
                    assert ends.set_enabled(stores, self.client_id, enabled=True, **ended)
                elif how == "session":
                    ends.end_session(
                        stores, stage.session, everywhere=False, native_too=True, reason=EndReason.LOGOUT, **ended
                    )
                elif how == "consent":
                    ends.withdraw(
                        stores,
                        client_id=self.client_id,
                        user_id=self.user_id,
                        reason=EndReason.CONSENT_WITHDRAWN,
                        **ended,
                    )
                else:
                    family = stores.families.find(self.family_id)
                    assert family is not None
                    end_family(stores, family, reason=EndReason.REVOKED_BY_CLIENT, **ended)

        def is_set(self, place: StatusReference) -> bool:
            return bit(stage, place)

        def restore_row(self, family_id: UUID, backup: FamilyState, mac_kid: bytes, origin: Origin) -> None:
            row = {
                "generation": backup.generation,
                "rotated_at": backup.rotated_at,
                "moved": backup.moved,
                "streak": backup.streak,
                "steady": backup.steady,
                "idle_expires_at": backup.idle_expires_at,
                "mac_kid": mac_kid,
                "origin_hash": origin_hash(origin),
            }
            with stage.sql.unit_of_work() as db:
                db.execute(update(families).where(families.c.id == family_id).values(**row))

    run_state_machine_as_test(
        OnSql,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        ),
    )


def test_a_family_comes_back_as_it_went(stage: Stage) -> None:
    family = stage.family()
    found = state(stage, family)
    assert (found.authorization, found.generation) == (family.authorization, 0)
    assert (found.idle_expires_at, found.expires_at) == (family.idle_expires_at, family.expires_at)
    assert found.revoked_at is None


def test_the_idle_limit_is_never_past_the_absolute_one(stage: Stage) -> None:
    family = stage.family(idle_expires_at=NOON + timedelta(days=30), expires_at=NOON + timedelta(days=1))
    assert state(stage, family).idle_expires_at == NOON + timedelta(days=1)


def test_times_come_back_aware_and_in_utc(stage: Stage) -> None:
    tokyo = timezone(timedelta(hours=9))
    family = stage.family(created_at=NOON.astimezone(tokyo).replace(microsecond=123_456))
    found = state(stage, family)
    assert found.rotated_at == NOON.replace(microsecond=123_456)
    assert {moment.tzinfo for moment in (found.rotated_at, found.idle_expires_at, found.expires_at)} == {UTC}


def test_a_grant_reads_the_user_of_now(stage: Stage) -> None:
    family = stage.family()
    with stage.sql.unit_of_work() as db:
        values = {"roles": ["clerk"], "team": None}
        db.execute(update(users).where(users.c.id == UUID(ALICE)).values(**values))
    with stage.auth.autocommit() as stores:
        grant = stores.families.rotate(
            presented(family), mac_kid=b"kid1", idle_expires_at=IDLE, streak_limit=3, steady_limit=10, now=NOON
        )
    assert grant is not None
    assert (grant.roles, grant.team, grant.mac_kid) == (("clerk",), None, b"kid1")


@pytest.mark.parametrize("change", [{"seed_hash": b"x" * 32}, {"client_id": "other"}, {"family_id": UUID(int=5)}])
def test_a_foreign_token_neither_rotates_nor_retries(stage: Stage, change: dict[str, object]) -> None:
    family = stage.family()
    assert rotate(stage, replace(presented(family), **change)) is None  # type: ignore[arg-type] # as the table says
    assert rotate(stage, presented(family)) == 1
    assert retry(stage, replace(presented(family), **change)) is None  # type: ignore[arg-type] # as the table says
    assert state(stage, family).generation == 1


def test_a_dead_family_neither_rotates_nor_retries(stage: Stage) -> None:
    for end in (
        {"idle_expires_at": NOON + timedelta(seconds=1)},
        {"expires_at": NOON + timedelta(seconds=1)},
    ):
        family = stage.family(**end)
        assert rotate(stage, presented(family), NOON + timedelta(seconds=1)) is None
    for table in (users, clients):
        family = stage.family()
        rotate(stage, presented(family))
        with stage.sql.unit_of_work() as db:
            db.execute(update(table).values(disabled_at=NOON))
        assert not state(stage, family).live(NOON)
        assert rotate(stage, presented(family, 1)) is None and retry(stage, presented(family)) is None
        with stage.sql.unit_of_work() as db:
            db.execute(update(table).values(disabled_at=None))
    family = stage.family()
    rotate(stage, presented(family))
    with stage.auth.autocommit() as stores:
        assert stores.families.revoke(family.id, reason=EndReason.REVOKED_BY_CLIENT, now=NOON)
        assert not stores.families.revoke(family.id, reason=EndReason.REVOKED_BY_CLIENT, now=NOON), "once"
    assert rotate(stage, presented(family, 1)) is None
    assert retry(stage, presented(family)) is None


@pytest.mark.parametrize(
    ("after", "origin", "moved"),
    [(0, CAFE, False), (59, CAFE, False), (59, HOME, False), (0, THIEF, True), (59, THIEF, True)],
)
def test_a_retry_by_another_agent_is_remembered_and_one_from_another_network_is_not(
    stage: Stage, after: float, origin: Origin, moved: bool
) -> None:
    family = stage.family()
    rotate(stage, presented(family))
    assert retry(stage, presented(family, 0, origin), NOON + timedelta(seconds=after)) == 1
    assert state(stage, family).moved is moved


def test_retries_are_counted_and_the_window_closes(stage: Stage) -> None:
    family = stage.family()
    rotate(stage, presented(family))
    for _ in range(3):
        assert retry(stage, presented(family)) == 1
    assert retry(stage, presented(family), NOON + timedelta(seconds=60)) is None
    with stage.sql.autocommit() as db:
        assert db.execute(select(families.c.replays)).scalar_one() == 3


def test_the_network_of_the_rotation_is_told_when_another_agent_retries(stage: Stage) -> None:
    family = stage.family()
    rotate(stage, presented(family))
    told = []
    for agent in (HOME.agent, "Stolen/1", "Stolen/1", HOME.agent):
        with stage.auth.autocommit() as stores:
            token = presented(family, origin=Origin("198.51.100.7", agent))
            retried = stores.families.retry(token, window=timedelta(seconds=60), now=NOON)
        assert retried is not None
        told.append(retried.rotated_from)
    assert told == [None, HOME.network, HOME.network, None]


def test_a_revocation_for_another_generation_is_none(stage: Stage) -> None:
    family = stage.family()
    rotate(stage, presented(family))
    with stage.auth.autocommit() as stores:
        assert not stores.families.revoke(family.id, reason=EndReason.REVOKED_BY_CLIENT, now=NOON, generation=0)
        assert stores.families.revoke(family.id, reason=EndReason.REVOKED_BY_CLIENT, now=NOON, generation=1)


def test_catching_up_is_a_compare_and_swap(stage: Stage) -> None:
    family = stage.family()
    with stage.auth.autocommit() as stores:
        assert not stores.families.fast_forward(family.id, read=1, to=9)
        assert stores.families.fast_forward(family.id, read=0, to=2**32 - 1)
    assert state(stage, family).generation == 2**32 - 1


def test_catching_up_forgets_the_retries_of_other_tokens(stage: Stage) -> None:
    family = stage.family()
    rotate(stage, presented(family))
    retry(stage, presented(family, 0, THIEF), NOON + timedelta(seconds=3))
    assert state(stage, family).moved
    with stage.auth.autocommit() as stores:
        stores.families.fast_forward(family.id, read=1, to=5)
    assert (state(stage, family).moved, state(stage, family).streak) == (False, 0)


def test_status_places_are_unique_and_drawn_from_the_shard(stage: Stage) -> None:
    for _ in range(20):
        stage.family()
    place = select(families.c.status_shard, families.c.status_index).order_by(families.c.id)  # in time's order
    with stage.sql.autocommit() as db:
        places = [tuple(row) for row in db.execute(place)]
        copied = db.execute(select(families)).mappings().first()
    assert len(set(places)) == 20 and sorted(places) != places
    assert all(shard == 0 and 0 <= index < SHARD_SIZE for shard, index in places)
    assert copied is not None
    with pytest.raises(IntegrityError), stage.sql.unit_of_work() as db:
        db.execute(insert(families).values(**{**copied, "id": UUID(int=1)}))


def test_a_shard_in_which_every_draw_is_taken_is_left_for_the_next(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.auth.storage.families.secrets.randbelow", lambda bound: bound - 1)
    stage.family()
    stage.family()
    with stage.sql.autocommit() as db:
        found = [tuple(row) for row in db.execute(select(families.c.status_shard, families.c.status_index))]
    assert sorted(found) == [(0, SHARD_SIZE - 1), (1, SHARD_SIZE - 1)]
