"""Upkeep on the real SQL: one process at a time does a task, whoever died, and whatever the clock did."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.auth.audit import AuditEvent
from services.auth.background import upkeep
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.key_set import load_key_set
from services.auth.settings import AuthSettings
from services.auth.storage.upkeep_tasks import SqlLeaseDatabase
from services.auth.upkeep.lease import LEASE, RETRY, Task, Upkeep
from shared.testing import SettableClock
from tests.contracts.auth.conftest import NOON, Stage

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
RING = KeyRing.of(b"k" * 32)


class Counted:
    """A task that counts, or fails when it is told to."""

    def __init__(self, stage: Stage, clock: SettableClock) -> None:
        self.done: list[datetime] = []
        self.fails = False
        self.clock = clock
        self.task = Task("counted", HOUR, self.act)
        self.leases = SqlLeaseDatabase(stage.sql)

    def act(self, now: datetime) -> Sequence[str]:
        if self.fails:
            raise RuntimeError("as it was told")
        self.done.append(now)
        return ["counted"]

    def process(self) -> Upkeep:
        return Upkeep(self.leases, [self.task], self.clock.now)


@pytest.fixture
def counted(stage: Stage, clock: SettableClock) -> Counted:
    return Counted(stage, clock)


def take(counted: Counted, holder: UUID, now: datetime) -> bool:
    with counted.leases.leases() as leases:
        return leases.take("counted", holder, every=HOUR, now=now)


def test_a_task_is_done_at_once_and_then_every_so_often_by_whoever_comes(counted: Counted) -> None:
    one, other = counted.process(), counted.process()
    assert one.do_due() == {"counted": ["counted"]}
    assert one.do_due() == other.do_due() == {}
    counted.clock.advance(hours=1)
    assert other.do_due() and not one.do_due()
    assert len(counted.done) == 2


def test_of_many_processes_at_once_one_does_it(postgres_stage: Stage, clock: SettableClock) -> None:
    counted = Counted(postgres_stage, clock)
    begin = threading.Barrier(8)

    def run() -> None:
        process = counted.process()
        begin.wait()
        process.do_due()

    for _ in range(5):
        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counted.clock.advance(hours=1)
    assert len(counted.done) == 5


def test_what_a_process_died_in_is_left_to_the_others_when_its_lease_ends(counted: Counted) -> None:
    assert take(counted, uuid4(), NOON)
    assert not take(counted, uuid4(), NOON + LEASE - SECOND)
    counted.clock.advance(seconds=LEASE.total_seconds())
    assert counted.process().do_due()


def test_a_process_that_was_overtaken_gives_nothing_back(counted: Counted) -> None:
    slow, quick = uuid4(), uuid4()
    assert take(counted, slow, NOON) and take(counted, quick, NOON + LEASE)
    with counted.leases.leases() as leases:
        leases.give_back("counted", slow, due_at=NOON, done_at=NOON)
    assert not take(counted, uuid4(), NOON + LEASE + SECOND), "the other one has it"


def test_a_task_that_fails_is_tried_again_soon_and_keeps_no_other_from_being_done(
    stage: Stage, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    second = Counted(stage, counted.clock)
    process = Upkeep(counted.leases, [counted.task, Task("second", HOUR, second.act)], counted.clock.now)
    counted.fails = True
    process.do_due()
    assert "counted failed" in caplog.text and len(second.done) == 1
    counted.fails = False
    assert not process.do_due()
    counted.clock.advance(seconds=RETRY.total_seconds())
    assert process.do_due() == {"counted": ["counted"]}


def test_a_clock_that_was_set_back_does_not_stop_a_task(counted: Counted) -> None:
    counted.clock.advance(days=400)
    assert counted.process().do_due()
    counted.clock.advance(days=-400)
    assert counted.process().do_due()


# ---------------------------------------------------------------- what auth does


def settings(tmp_path: Path, **changes: object) -> AuthSettings:
    return AuthSettings(environment="local", data_dir=tmp_path, **changes)  # type: ignore[arg-type] # as the tests give them


def states(stage: Stage) -> list[str]:
    with stage.auth.autocommit() as stores:
        return [key.state for key in stores.signing_keys.known()]


def test_keys_rotate_by_themselves(stage: Stage, clock: SettableClock, tmp_path: Path) -> None:
    with stage.auth.transaction() as stores:
        load_key_set(stores.signing_keys, RING, bits=2048, now=clock.now())
    processes = [upkeep(settings(tmp_path), stage.sql, RING, clock) for _ in range(2)]

    def pass_time(**step: float) -> list[str]:
        clock.advance(**step)
        for process in processes:
            process.do_due()
        return states(stage)

    assert pass_time(days=89) == ["active"]
    assert pass_time(days=1) == ["active", "announced"]
    assert pass_time(minutes=9) == ["active", "announced"]
    assert pass_time(minutes=1) == ["retired", "active"]
    assert pass_time(minutes=62) == ["removed", "active"]
    assert pass_time(days=89) == ["removed", "active"]
    assert pass_time(days=1) == ["removed", "active", "announced"], "ninety days of the second one"


def test_what_has_expired_goes_by_itself(stage: Stage, clock: SettableClock, tmp_path: Path) -> None:
    family = stage.family()
    with stage.auth.transaction() as stores:
        load_key_set(stores.signing_keys, RING, bits=2048, now=clock.now())
        stores.audit.record(AuditEvent("signed_in", clock.now()))
    process = upkeep(settings(tmp_path), stage.sql, RING, clock)
    assert process.do_due()["purge"] == []
    clock.advance(days=365 * 2)
    with stage.auth.transaction() as stores:
        stores.audit.record(AuditEvent("signed_in", clock.now()))
    lines = process.do_due()["purge"]
    assert {"families: 1 deleted", "audit events: 1 deleted"} <= set(lines), family.id
