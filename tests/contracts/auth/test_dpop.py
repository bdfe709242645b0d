"""DPoP on the real SQL: a proof is used once, also by two processes at once; a bound family moves for its key alone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from services.auth.storage.purge import SqlPurge
from services.auth.tokens.family import NewFamily, Presented
from tests.contracts.auth.conftest import HOME, NOON, SEED_HASH, Stage
from tests.contracts.auth.test_families import THIEF, retry, rotate, state

KEY, OTHER = "k" * 43, "o" * 43
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def bound_family(stage: Stage) -> NewFamily:
    return stage.family(dpop_jkt=KEY)


def presented(family: NewFamily, jkt: str | None, generation: int = 0) -> Presented:
    return Presented(family.id, generation, SEED_HASH, "app", jkt, HOME)


def use(stage: Stage, proof_id: bytes, *, expires_at: datetime, now: datetime = NOON) -> bool:
    with stage.auth.autocommit() as stores:
        return stores.proofs.use(proof_id, expires_at=expires_at, now=now)


@pytest.mark.parametrize("jkt", [None, OTHER])
def test_a_bound_family_moves_for_its_key_alone(stage: Stage, jkt: str | None) -> None:
    family = bound_family(stage)
    assert state(stage, family).authorization.dpop_jkt == KEY
    assert rotate(stage, presented(family, jkt)) is None
    assert rotate(stage, presented(family, KEY)) == 1
    assert retry(stage, presented(family, jkt)) is None
    assert retry(stage, presented(family, KEY)) == 1


def test_an_unbound_family_takes_any_key(stage: Stage) -> None:
    family = stage.family()
    assert rotate(stage, presented(family, OTHER)) == 1
    assert state(stage, family).authorization.dpop_jkt is None


def test_a_bound_family_has_no_window_and_no_suspicion(stage: Stage) -> None:
    family = bound_family(stage)
    assert rotate(stage, presented(family, KEY)) == 1
    late = Presented(family.id, 0, SEED_HASH, "app", KEY, THIEF)
    assert retry(stage, late, NOON + timedelta(days=20)) == 1
    assert not state(stage, family).moved
    assert rotate(stage, presented(family, KEY, 1), NOON + timedelta(days=20)) == 2
    assert retry(stage, late, NOON + timedelta(days=20)) is None, "the successor was used"


def test_a_proof_is_used_once_and_kept_for_a_process_whose_clock_is_behind(stage: Stage) -> None:
    assert use(stage, b"p" * 32, expires_at=NOON + MINUTE)
    assert not use(stage, b"p" * 32, expires_at=NOON + MINUTE)
    assert use(stage, bytes(32), expires_at=NOON + MINUTE, now=NOON + 2 * MINUTE), "this one sweeps"
    assert not use(stage, b"p" * 32, expires_at=NOON + MINUTE)
    with stage.sql.unit_of_work() as db:
        kept = {"kept": timedelta(days=30), "longest_token": timedelta(hours=1), "audit_kept": timedelta(days=30)}
        assert SqlPurge(db, NOON + timedelta(minutes=60), **kept).dpop_proofs() == 0
        assert SqlPurge(db, NOON + timedelta(minutes=61) + SECOND, **kept).dpop_proofs() == 2
    assert use(stage, b"p" * 32, expires_at=NOON + MINUTE)


def test_of_many_processes_that_get_one_proof_at_once_one_takes_it(postgres_stage: Stage) -> None:
    other = postgres_stage.second_process()
    together = threading.Barrier(16)

    def act(number: int) -> bool:
        together.wait()
        with (postgres_stage.auth, other)[number % 2].autocommit() as stores:
            return stores.proofs.use(b"p" * 32, expires_at=NOON + MINUTE, now=NOON)

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(act, range(16))) == [False] * 15 + [True]
    other.database.dispose()


def test_a_code_keeps_the_key_that_it_is_bound_to(stage: Stage) -> None:
    code = stage.code(dpop_jkt=KEY)
    with stage.auth.autocommit() as stores:
        found = stores.codes.find(code.code_hash)
    assert found is not None
    assert found.authorization.dpop_jkt == KEY
