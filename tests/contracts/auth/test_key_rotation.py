"""Rotation on the real SQL: each step when it is due and no sooner, and what running processes make of it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import jwt
import pytest
from sqlalchemy import select

from services.auth.cache.replica import Replica
from services.auth.cache.signed_lists import SignedLists
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.key_set import load_key_set
from services.auth.keys.rotation import RotationPolicy, advance, rotate, rotate_in_emergency
from services.auth.keys.signer import Signer
from services.auth.keys.signing_key import StoredSigningKey
from services.auth.storage import SqlAuthDatabase
from services.auth.storage.tables import audit_events, key_set_versions
from services.auth.tokens.status_list import StatusReference
from shared.database import Database
from shared.errors import Unavailable
from tests.contracts.auth.conftest import NOON, Stage

RING = KeyRing.of(b"k" * 32)
POLICY = RotationPolicy(timedelta(minutes=10), timedelta(minutes=62), timedelta(days=365), 2048)
SECOND = timedelta(seconds=1)
ISSUER = "https://auth.example"


class Process:
    """What one process of the service holds in memory."""

    def __init__(self, database: SqlAuthDatabase, now: datetime = NOON) -> None:
        self.forgotten = 0
        with database.transaction() as stores:
            self.signer = Signer(load_key_set(stores.signing_keys, RING, bits=2048, now=now))
        self.replica = Replica(database, self.signer, RING, interval=SECOND, machine_statuses=self)
        self.lists = SignedLists(
            database, self.replica, self.signer, issuer=ISSUER, ttl=15 * SECOND, lifetime=60 * SECOND
        )

    def forget_machine_statuses(self) -> None:
        self.forgotten += 1

    @property
    def kid(self) -> str:
        return self.signer.key_set.active.kid

    @property
    def jwks(self) -> set[str]:
        return set(self.signer.key_set.public_keys)

    def list_at(self, now: datetime, shard: int = 0) -> str:
        found = self.lists.get(shard, now)
        assert found is not None
        return found.body.decode()


def keys_of(stage: Stage) -> dict[str, StoredSigningKey]:
    with stage.auth.autocommit() as stores:
        return {key.kid: key for key in stores.signing_keys.known()}


def step(stage: Stage, act: Callable[..., list[str]], now: datetime) -> list[str]:
    with stage.auth.transaction() as stores:
        return act(stores, POLICY, now) if act is advance else act(stores, RING, POLICY, now)


def key_set_version(stage: Stage) -> int:
    with stage.sql.autocommit() as db:
        return int(db.execute(select(key_set_versions.c.version)).scalar_one())


def test_a_rotation_takes_each_step_when_it_is_due_and_no_sooner(stage: Stage) -> None:
    first = Process(stage.auth).kid
    assert len(step(stage, rotate, NOON)) == 1
    second = next(kid for kid in keys_of(stage) if kid != first)

    def states() -> dict[str, str]:
        return {kid: key.state for kid, key in keys_of(stage).items()}

    active_at, removed_at = NOON + POLICY.announced, NOON + POLICY.announced + POLICY.retired
    for act in (rotate, advance):
        assert step(stage, act, active_at - SECOND) == []
    assert states() == {first: "active", second: "announced"}
    assert len(step(stage, rotate, active_at)) == 2, "and no third key"
    assert states() == {first: "retired", second: "active"}
    assert step(stage, advance, removed_at - SECOND) == []
    assert len(step(stage, advance, removed_at)) == 1 and step(stage, advance, removed_at) == []
    assert states() == {first: "removed", second: "active"}
    assert keys_of(stage)[first].sealed_private_key == b""
    forgotten_at = removed_at + POLICY.removed
    assert step(stage, advance, forgotten_at - SECOND) == []
    assert len(step(stage, advance, forgotten_at)) == 1
    assert states() == {second: "active"}
    with stage.sql.autocommit() as db:
        events = db.execute(select(audit_events.c.event).order_by(audit_events.c.id)).scalars().all()
    assert events == [f"signing_key_{name}" for name in ("announced", "retired", "activated", "removed", "forgotten")]


def test_running_processes_follow_a_rotation_and_no_token_is_lost(stage: Stage) -> None:
    process = Process(stage.auth)
    first, token = process.kid, process.signer.sign({"a": 1}, typ="JWT")
    step(stage, rotate, NOON)
    process.replica.refresh(NOON + SECOND)
    assert process.kid == first and len(process.jwks) == 2, "announced: published before it signs"
    active_at = NOON + POLICY.announced
    step(stage, advance, active_at)
    process.replica.refresh(active_at)
    assert process.kid != first and first in process.jwks
    assert process.signer.verify(token, typ="JWT") == {"a": 1}
    removed_at = active_at + POLICY.retired
    step(stage, advance, removed_at)
    process.replica.refresh(removed_at)
    assert first not in process.jwks
    assert process.signer.verify(token, typ="JWT") is None
    assert process.signer.verify_hint(token, typ="JWT") == {"a": 1}
    assert Process(stage.auth, removed_at).signer.verify_hint(token, typ="JWT") == {"a": 1}


def test_an_emergency_leaves_nothing_that_an_old_key_signed(stage: Stage) -> None:
    process = Process(stage.auth)
    step(stage, rotate, NOON)
    old, token, version = process.kid, process.signer.sign({"a": 1}, typ="JWT"), key_set_version(stage)
    before = jwt.decode(process.list_at(NOON), options={"verify_signature": False})
    lines = step(stage, rotate_in_emergency, NOON)
    assert len(lines) == 3, "the active and the announced key are dropped, a new one is active"
    assert list(keys_of(stage)) != [old] and len(keys_of(stage)) == 1
    assert key_set_version(stage) > version
    body = process.list_at(NOON + SECOND)
    assert jwt.get_unverified_header(body)["kid"] == process.kid != old
    assert (
        jwt.decode(body, options={"verify_signature": False})["urn:company:status_version"]
        > before["urn:company:status_version"]
    )
    assert process.jwks == {process.kid}
    for verify in (process.signer.verify, process.signer.verify_hint):
        assert verify(token, typ="JWT") is None


def test_a_process_that_cannot_open_the_key_after_an_emergency_signs_and_vouches_for_nothing(stage: Stage) -> None:
    """The dropped key may be stolen: no signature of it, no key set with it, no list signed by it."""
    process = Process(stage.auth)
    token = process.signer.sign({"a": 1}, typ="JWT")
    process.list_at(NOON)
    newer = KeyRing.of(b"n" * 32, b"k" * 32)
    with stage.auth.transaction() as stores:
        rotate_in_emergency(stores, newer, POLICY, NOON)
    for moment in (NOON + SECOND, NOON + 2 * SECOND):
        process.replica.refresh(moment)
        for refused in (
            lambda: process.signer.sign({"a": 1}, typ="JWT"),
            lambda: process.signer.verify(token, typ="JWT"),
            lambda: process.signer.verify_hint(token, typ="JWT"),
            lambda: process.jwks,
            lambda: process.list_at(moment),  # noqa: B023 - called in this very round
        ):
            with pytest.raises(Unavailable):
                refused()
    step(stage, rotate_in_emergency, NOON + 2 * SECOND)  # with a ring that this process has
    process.replica.refresh(NOON + 3 * SECOND)
    assert process.signer.verify(process.signer.sign({"a": 1}, typ="JWT"), typ="JWT") == {"a": 1}


def test_a_process_that_cannot_open_the_next_key_goes_on_with_its_own_while_that_is_published(stage: Stage) -> None:
    process = Process(stage.auth)
    first, newer = process.kid, KeyRing.of(b"n" * 32, b"k" * 32)
    active_at = NOON + POLICY.announced
    for moment in (NOON, active_at):
        with stage.auth.transaction() as stores:
            rotate(stores, newer, POLICY, moment)
        process.replica.refresh(moment + SECOND)
    assert process.kid == first and len(process.jwks) == 2
    removed_at = active_at + POLICY.retired
    step(stage, advance, removed_at)
    process.replica.refresh(removed_at + SECOND)
    with pytest.raises(Unavailable):
        process.signer.sign({"a": 1}, typ="JWT")


def test_every_shards_version_moves_in_an_emergency(stage: Stage) -> None:
    with stage.auth.autocommit() as stores:
        before = stores.publications.versions().shards
    Process(stage.auth)
    step(stage, rotate_in_emergency, NOON)
    with stage.auth.autocommit() as stores:
        after = stores.publications.versions().shards
    assert set(before) == set(after) and all(after[shard] > before[shard] for shard in before)


def test_two_processes_see_a_revocation_within_a_look(postgres_stage: Stage) -> None:
    other = postgres_stage.second_process()
    mine, theirs = Process(postgres_stage.auth), Process(other)
    old = theirs.list_at(NOON)
    with postgres_stage.auth.transaction() as stores:
        stores.status_shards.revoke([StatusReference(0, 7)], NOON)
    just_before = NOON + SECOND - timedelta(microseconds=1)
    assert theirs.list_at(just_before) == old, "inside the interval nobody looks"
    assert theirs.list_at(NOON + SECOND) != old
    assert mine.list_at(NOON) == mine.list_at(just_before)
    other.database.dispose()


def test_processes_that_rotate_at_once_announce_one_key(postgres_stage: Stage) -> None:
    other = postgres_stage.second_process()
    Process(postgres_stage.auth)
    together = threading.Barrier(4)

    def act(number: int) -> list[str]:
        together.wait()
        with (postgres_stage.auth, other)[number % 2].transaction() as stores:
            return rotate(stores, RING, POLICY, NOON)

    with ThreadPoolExecutor(4) as pool:
        announced = [line for lines in pool.map(act, range(4)) for line in lines]
    assert len(announced) == 1 and len(keys_of(postgres_stage)) == 2
    other.database.dispose()


def test_a_machine_clients_end_is_told_to_who_keeps_their_places(stage: Stage) -> None:
    process = Process(stage.auth)
    process.replica.refresh(NOON)
    told = process.forgotten
    with stage.auth.transaction() as stores:
        stores.status_shards.revoke([StatusReference(0, 1)], NOON)
    process.replica.refresh(NOON + SECOND)
    assert process.forgotten == told, "a family's end is none of theirs"
    with stage.auth.transaction() as stores:
        drawn = stores.machine_statuses.draw("app", NOON)
        assert drawn is not None
        stores.status_shards.revoke([drawn], NOON)
    process.replica.refresh(NOON + 2 * SECOND)
    assert process.forgotten == told + 1


def test_while_the_database_is_away_a_list_is_served_until_it_expires_and_never_renewed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may be told that nothing was ended by a process that can't know."""
    database = SqlAuthDatabase(Database(stage.sql.url))
    process = Process(database)
    held = process.list_at(NOON)

    def away(database: Database) -> None:
        del database
        raise Unavailable("away")

    with monkeypatch.context() as outage:
        outage.setattr(Database, "autocommit", away)
        for seconds in (10, 31, 59):
            assert process.list_at(NOON + seconds * SECOND) == held
        with pytest.raises(Unavailable):
            process.list_at(NOON + 60 * SECOND)
        with pytest.raises(Unavailable):
            process.list_at(NOON + 59 * SECOND, shard=1)
        # a request that waited for the look may have begun just before it; a clock that went back vouches for nothing
        with pytest.raises(Unavailable):
            process.list_at(NOON - 6 * SECOND)
    assert process.list_at(NOON + 70 * SECOND) != held
    database.database.dispose()
