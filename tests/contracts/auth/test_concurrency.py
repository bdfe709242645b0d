"""Single use under concurrency, with two processes on one PostgreSQL: the database decides, no lock in a process."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy import func, select

from services.auth.accounts.failure_budget import Blocked, begin_attempt, network_budget
from services.auth.accounts.recovery_codes import RecoveryCode
from services.auth.accounts.totp import seal_totp_secret
from services.auth.authorization.request import WaitingRequest
from services.auth.clients.assertion import AssertionUse
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.key_set import load_key_set
from services.auth.opaque_token import digest
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.storage import SqlAuthDatabase
from services.auth.storage.configuration import SqlConfigurationStore
from services.auth.storage.tables import audit_events, families, signing_keys
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import Presented, end_family
from services.auth.tokens.refresh_token import RefreshPolicy, RefreshToken, mint_refresh_token, rotate
from shared.testing import BOB
from tests.contracts.auth.conftest import HOME, NOON, SEED_HASH, Stage
from tests.support.authorizations import redeem_code

T = TypeVar("T")
RING = KeyRing.of(b"k" * 32)
POLICY = RefreshPolicy(timedelta(seconds=60), timedelta(days=30))
Processes = tuple[SqlAuthDatabase, SqlAuthDatabase]


@pytest.fixture
def processes(postgres_stage: Stage) -> Iterator[Processes]:
    other = postgres_stage.second_process()
    yield postgres_stage.auth, other
    other.database.dispose()


def at_once(count: int, processes: Processes, act: Callable[[SqlAuthDatabase, int], T]) -> list[T]:
    """Run `act` in `count` threads that start together, every other one in the second process."""
    together = threading.Barrier(count)

    def run(number: int) -> T:
        together.wait()
        return act(processes[number % 2], number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def events(stage: Stage) -> list[str]:
    with stage.sql.autocommit() as db:
        return list(db.execute(select(audit_events.c.event).order_by(audit_events.c.id)).scalars())


@pytest.mark.requirement("RFC9700-4.2.4")
def test_a_code_redeemed_fifty_times_at_once_founds_one_family_and_the_others_end_it(
    postgres_stage: Stage, processes: Processes
) -> None:
    code = postgres_stage.code()

    def act(database: SqlAuthDatabase, number: int) -> bool:
        seed = bytes([number]) * 16
        grant = redeem_code(database, code, seed=seed, mac_kid=RING.current, origin=HOME, now=NOON)
        return grant is not None

    assert at_once(50, processes, act).count(True) == 1
    with postgres_stage.sql.autocommit() as db:
        assert db.execute(select(families.c.revoked_why)).scalars().all() == ["authorization_code_replay"]
    issued, *rest = events(postgres_stage)
    assert (issued, rest) == (
        "authorization_code_issued",
        ["authorization_code_redeemed", "authorization_code_replay"],
    )


def test_fifty_refreshes_with_one_token_are_one_rotation_and_the_family_lives(
    postgres_stage: Stage, processes: Processes
) -> None:
    family = postgres_stage.family(mac_kid=RING.current)

    def present(database: SqlAuthDatabase, generation: int) -> str | None:
        presented = Presented(family.id, generation, SEED_HASH, "app", None, HOME)
        grant = rotate(database, presented, ring=RING, policy=POLICY, now=NOON)
        if grant is None:
            return None
        content = RefreshToken(family.id, grant.generation, b"s" * 16)
        return mint_refresh_token(RING, content, mac_kid=grant.mac_kid)

    for generation in range(3):
        answers = at_once(50, processes, lambda database, _, g=generation: present(database, g))  # type: ignore[misc] # bound now
        assert len(set(answers)) == 1 and answers[0] is not None
        with postgres_stage.sql.autocommit() as db:
            row = db.execute(select(families.c.generation, families.c.replays, families.c.revoked_at)).one()
        assert tuple(row) == (generation + 1, 49, None)
    assert events(postgres_stage) == []


def test_reuse_seen_twenty_times_at_once_is_recorded_once(postgres_stage: Stage, processes: Processes) -> None:
    family = postgres_stage.family()
    with postgres_stage.auth.autocommit() as stores:
        stores.families.fast_forward(family.id, read=0, to=5)

    def act(database: SqlAuthDatabase, number: int) -> bool:
        presented = Presented(family.id, number % 4, SEED_HASH, "app", None, HOME)
        return rotate(database, presented, ring=RING, policy=POLICY, now=NOON) is None

    assert all(at_once(20, processes, act))
    assert events(postgres_stage) == ["refresh_token_reuse"]


@pytest.mark.requirement("RFC7009-2.1-family")
def test_a_sign_out_among_refreshes_leaves_nothing_that_works(postgres_stage: Stage, processes: Processes) -> None:
    for _ in range(5):
        family = postgres_stage.family()

        def act(database: SqlAuthDatabase, number: int, family_id: UUID = family.id) -> int | None:
            if number == 7:
                with database.transaction() as stores:
                    found = stores.families.find(family_id)
                    assert found is not None
                    end_family(stores, found, reason=EndReason.REVOKED_BY_CLIENT, origin=HOME, now=NOON)
                return None
            presented = Presented(family_id, 0, SEED_HASH, "app", None, HOME)
            grant = rotate(database, presented, ring=RING, policy=POLICY, now=NOON)
            return None if grant is None else grant.generation

        assert set(at_once(16, processes, act)) <= {None, 1}
        for generation in (0, 1, 2):
            presented = Presented(family.id, generation, SEED_HASH, "app", None, HOME)
            assert rotate(processes[0], presented, ring=RING, policy=POLICY, now=NOON) is None


@pytest.mark.requirement("ASVS-6.5.1")
def test_a_totp_step_is_accepted_once(postgres_stage: Stage, processes: Processes) -> None:
    bob = UUID(BOB)
    with postgres_stage.sql.unit_of_work() as db:
        SqlConfigurationStore(db).put_totp(bob, seal_totp_secret(RING, bob, "A" * 32), NOON)

    def act(database: SqlAuthDatabase, number: int) -> bool:
        with database.transaction() as stores:
            return stores.totp.accept_step(bob, 1000 + number % 1)

    assert at_once(20, processes, act).count(True) == 1


@pytest.mark.requirement("ASVS-6.5.1", "NIST63B-3.1.2")
def test_a_recovery_code_that_two_processes_are_sent_at_once_is_used_once(
    postgres_stage: Stage, processes: Processes
) -> None:
    bob, code = UUID(BOB), RecoveryCode(UUID(int=7), b"sealed")
    with postgres_stage.auth.transaction() as stores:
        stores.recovery_codes.replace(bob, [code, RecoveryCode(UUID(int=8), b"sealed")], NOON)

    def act(database: SqlAuthDatabase, number: int) -> bool:
        del number
        with database.transaction() as stores:
            return stores.recovery_codes.use(code.id)

    assert at_once(20, processes, act).count(True) == 1
    with postgres_stage.auth.autocommit() as stores:
        assert stores.recovery_codes.count(bob) == 1


@pytest.mark.requirement("NIST63B-3.2.2")
def test_a_failure_budget_admits_no_more_than_it_holds(postgres_stage: Stage, processes: Processes) -> None:
    key = network_budget("alice", "192.0.2.1")

    def act(database: SqlAuthDatabase, number: int) -> int | None:
        with database.transaction() as stores:
            counted = begin_attempt(stores.budgets, key, NOON)
        return None if isinstance(counted, Blocked) else counted

    admitted = [counted for counted in at_once(30, processes, act) if counted is not None]
    assert sorted(admitted) == list(range(1, len(admitted) + 1)), "each counted, none twice"
    assert len(admitted) <= 5


def test_a_waiting_request_is_bound_to_one_of_twenty_browsers(postgres_stage: Stage, processes: Processes) -> None:
    handle = digest("handle")
    request = AuthorizationRequest("app", "myapp://callback", frozenset({"openid"}))
    with postgres_stage.auth.transaction() as stores:
        stores.waiting_requests.add(WaitingRequest(handle, request, NOON, NOON + timedelta(minutes=15)))

    def act(database: SqlAuthDatabase, number: int) -> bool:
        browser = bytes([number]) * 32
        with database.transaction() as stores:
            stores.waiting_requests.bind(handle, browser, NOON)
            return stores.waiting_requests.find(handle, browser, NOON) is not None

    assert at_once(20, processes, act).count(True) == 1


def test_a_waiting_request_is_completed_once(postgres_stage: Stage, processes: Processes) -> None:
    handle, browser = digest("handle"), b"b" * 32
    request = AuthorizationRequest("app", "myapp://callback", frozenset({"openid"}))
    with postgres_stage.auth.transaction() as stores:
        stores.waiting_requests.add(WaitingRequest(handle, request, NOON, NOON + timedelta(minutes=15), browser))

    def act(database: SqlAuthDatabase, number: int) -> bool:
        with database.transaction() as stores:
            return stores.waiting_requests.complete(handle, browser, NOON, outcome="code")

    assert at_once(20, processes, act).count(True) == 1


def test_four_first_starts_at_once_make_one_signing_key(postgres_stage: Stage, processes: Processes) -> None:
    def act(database: SqlAuthDatabase, number: int) -> str:
        with database.transaction() as stores:
            return load_key_set(stores.signing_keys, RING, bits=2048, now=NOON).active.kid

    assert len(set(at_once(4, processes, act))) == 1
    with postgres_stage.sql.autocommit() as db:
        assert db.execute(select(func.count()).select_from(signing_keys)).scalar_one() == 1


def test_two_processes_redeem_different_codes_without_waiting_on_each_other(
    postgres_stage: Stage, processes: Processes
) -> None:
    codes = [postgres_stage.code() for _ in range(20)]

    def act(database: SqlAuthDatabase, number: int) -> bool:
        seed = bytes([number]) * 16
        code = codes[number]
        return redeem_code(database, code, seed=seed, mac_kid=b"kid0", origin=HOME, now=NOON) is not None

    assert all(at_once(20, processes, act))


def test_an_assertion_presented_fifty_times_at_once_is_good_once(processes: Processes) -> None:
    use = AssertionUse("app", digest("once"), NOON + timedelta(minutes=1))

    def present(database: SqlAuthDatabase, number: int) -> bool:
        del number
        with database.autocommit() as stores:
            return stores.assertions.use(use, NOON)

    assert sorted(at_once(50, processes, present)) == [False] * 49 + [True]
