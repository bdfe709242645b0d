"""`purge` on the real SQL: what has expired goes, what somebody may need stays, and no index is reused early."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update

from services.auth.accounts.failure_budget import begin_attempt, network_budget
from services.auth.authorization.request import WaitingRequest
from services.auth.clients.assertion import AssertionUse
from services.auth.logout.rp_initiated import LogoutRequest, WaitingLogout
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.storage import purge
from services.auth.storage.purge import PURGES, SqlPurge
from services.auth.storage.tables import (
    assertion_jtis,
    authorization_codes,
    browser_sessions,
    failure_budgets,
    families,
    logout_notices,
    machine_places,
    status_shards,
    waiting_logouts,
    waiting_requests,
)
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import NewFamily
from services.auth.tokens.status_list import StatusReference
from services.auth.waiting import RESTART_WINDOW
from shared.testing import ALICE, BOB
from tests.contracts.auth.conftest import NOON, Stage, bit, new_family, version
from tests.support.authorizations import some_event

KEPT, LONGEST = timedelta(days=30), timedelta(minutes=62)
AUDIT_KEPT = timedelta(days=400)
SECOND = timedelta(seconds=1)


def run(stage: Stage, now: datetime, longest: timedelta = LONGEST) -> dict[str, int]:
    deleted = dict.fromkeys(PURGES, 0)
    for kind, delete_batch in PURGES.items():
        while True:
            with stage.sql.unit_of_work() as db:
                count = delete_batch(SqlPurge(db, now, KEPT, longest, AUDIT_KEPT))
            deleted[kind] += count
            if count < purge.BATCH:
                break
    return {kind: count for kind, count in deleted.items() if count}


def count(stage: Stage, table: object) -> int:
    with stage.sql.autocommit() as db:
        return int(db.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type] # a table


def place(stage: Stage, family: NewFamily) -> StatusReference:
    with stage.auth.autocommit() as stores:
        found = stores.families.find(family.id)
    assert found is not None
    return found.status


def test_nothing_that_lives_is_purged_and_twice_is_once(stage: Stage) -> None:
    stage.family()
    stage.code()
    with stage.auth.transaction() as stores:
        begin_attempt(stores.budgets, network_budget("alice", "192.0.2.1"), NOON)
        stores.machine_statuses.draw("app", NOON)
    assert run(stage, NOON) == {}
    assert [count(stage, table) for table in (families, authorization_codes, failure_budgets, machine_places)] == [
        1
    ] * 4


def test_a_dead_family_is_kept_for_thirty_days_and_its_place_with_it(stage: Stage) -> None:
    family = stage.family()
    its = place(stage, family)
    with stage.auth.transaction() as stores:
        stores.families.revoke(family.id, reason=EndReason.REVOKED_BY_CLIENT, now=NOON)
        stores.status_shards.revoke([its], NOON)
    dead_at = family.expires_at + KEPT
    assert run(stage, dead_at) == {} and bit(stage, its)
    before = version(stage)
    assert run(stage, dead_at + SECOND) == {"families": 1, "browser sessions": 1}
    assert not bit(stage, its), "the place is free, and its bit with it"
    assert version(stage) > before
    assert run(stage, dead_at + SECOND) == {}


def test_a_place_is_not_given_away_while_a_token_with_it_can_live(stage: Stage) -> None:
    family = stage.family()
    longest = timedelta(days=40)
    assert "families" not in run(stage, family.expires_at + KEPT + SECOND, longest)
    assert run(stage, family.expires_at + longest + SECOND, longest)["families"] == 1


def test_a_machines_old_place_keeps_its_bit_until_no_token_can_carry_it(stage: Stage) -> None:
    with stage.auth.transaction() as stores:
        drawn = stores.machine_statuses.draw("app", NOON)
        assert drawn is not None and stores.machine_statuses.retire("app", NOON) == drawn
        stores.status_shards.revoke([drawn], NOON)
    assert run(stage, NOON + LONGEST) == {} and bit(stage, drawn)
    assert run(stage, NOON + LONGEST + SECOND) == {"status references of machine clients": 1}
    assert not bit(stage, drawn) and count(stage, machine_places) == 0


def test_a_used_code_is_kept_for_as_long_as_its_family(stage: Stage) -> None:
    """So that its second use is seen as a replay (RFC 6749 s4.1.2)."""
    used, unused, family = stage.code(), stage.code(), new_family(stage.session)
    with stage.auth.transaction() as stores:
        assert stores.codes.use(used, family, some_event(used, NOON))
    later = NOON + timedelta(days=2)
    assert run(stage, later) == {"authorization codes": 1}
    with stage.auth.autocommit() as stores:
        assert stores.codes.find(used.code_hash) is not None and stores.codes.find(unused.code_hash) is None
    gone = run(stage, family.expires_at + KEPT + SECOND)
    assert gone == {"families": 1, "authorization codes": 1, "browser sessions": 1}


def test_expired_requests_and_forgotten_failures_go(stage: Stage) -> None:
    request = AuthorizationRequest("app", "myapp://callback", frozenset({"openid"}))
    with stage.auth.transaction() as stores:
        stores.waiting_requests.add(WaitingRequest(b"h" * 32, request, NOON, NOON + SECOND, b"b" * 32))
        begin_attempt(stores.budgets, network_budget("alice", "192.0.2.1"), NOON)
    assert run(stage, NOON + RESTART_WINDOW + SECOND) == {}, "may be begun anew"
    assert run(stage, NOON + RESTART_WINDOW + 2 * SECOND) == {"waiting requests": 1}
    assert run(stage, NOON + KEPT + SECOND)["failure budgets"] == 1
    assert count(stage, waiting_requests) == 0


def test_many_rows_go_in_batches(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 3)
    dead = [stage.family() for _ in range(8)]
    with stage.sql.unit_of_work() as db:
        copied = dict(db.execute(select(browser_sessions)).mappings().one())
        for number in range(7):
            row = {**copied, "id": UUID(int=number + 1), "cookie_hash": bytes([number]) * 32}
            db.execute(insert(browser_sessions).values(**row))
    gone = run(stage, dead[0].expires_at + KEPT + SECOND)
    assert gone == {"families": 8, "browser sessions": 8}


def test_a_shard_with_room_again_is_filled_again(stage: Stage) -> None:
    family = stage.family()
    shard = place(stage, family).shard
    with stage.sql.unit_of_work() as db:
        db.execute(update(status_shards).where(status_shards.c.shard == shard).values(filling=False))
    elsewhere = place(stage, stage.family(expires_at=NOON + timedelta(days=3650)))
    assert elsewhere.shard != shard
    run(stage, family.expires_at + KEPT + SECOND)
    assert place(stage, stage.family()).shard == shard


def test_used_assertions_and_finished_logouts_go(stage: Stage) -> None:
    row = {"client_id": "app", "jti_hash": b"j" * 32, "expires_at": NOON}
    notice = {
        "id": UUID(int=1),
        "client_id": "app",
        "user_id": stage.session.user_id,
        "session_id": stage.session.id,
        "attempts": 1,
        "next_attempt_at": NOON,
        "created_at": NOON,
    }
    logout = {"handle_hash": b"h" * 32, "request": {}, "created_at": NOON, "expires_at": NOON}
    with stage.sql.unit_of_work() as db:
        db.execute(insert(assertion_jtis).values(**row))
        db.execute(insert(waiting_logouts).values(**logout))
        db.execute(insert(logout_notices).values(**notice))
    assert run(stage, NOON) == {}
    assert run(stage, NOON + timedelta(hours=1, seconds=1)) == {"client assertions": 1, "waiting logouts": 1}
    assert run(stage, NOON + KEPT + SECOND) == {}, "still to be delivered"
    with stage.sql.unit_of_work() as db:
        db.execute(update(logout_notices).values(outcome="delivered", finished_at=NOON))
    assert run(stage, NOON + KEPT + SECOND) == {"logout notices": 1}


def test_a_browser_is_forgotten_when_its_own_cookie_has_expired(stage: Stage) -> None:
    """Each sign-in from a fresh browser adds a row: without this the table only grows."""
    with stage.auth.transaction() as stores:
        stores.devices.remember(b"a" * 32, UUID(ALICE), expires_at=NOON, now=NOON)
        stores.devices.remember(b"b" * 32, UUID(BOB), expires_at=NOON + SECOND, now=NOON)
    assert "known browsers" not in run(stage, NOON)
    assert run(stage, NOON + SECOND)["known browsers"] == 1
    with stage.auth.autocommit() as stores:
        assert stores.devices.owners([b"a" * 32, b"b" * 32], NOON - SECOND) == {b"b" * 32: UUID(BOB)}


def test_an_assertion_stays_used_for_a_process_whose_clock_is_behind(stage: Stage) -> None:
    """One use in 256 sweeps: what it takes for expired may still be good elsewhere."""
    used = AssertionUse("app", b"u" * 32, NOON)
    with stage.auth.autocommit() as stores:
        assert stores.assertions.use(used, NOON)
        assert stores.assertions.use(AssertionUse("app", bytes(32), NOON + SECOND), NOON + timedelta(minutes=5))
        assert not stores.assertions.use(used, NOON - SECOND)
        assert stores.assertions.use(AssertionUse("app", bytes(31) + b"x", NOON), NOON + timedelta(hours=1) + SECOND)
    assert count(stage, assertion_jtis) == 2


def test_a_flood_of_strangers_requests_leaves_no_more_rows_than_are_still_good(stage: Stage) -> None:
    """Anybody may write these: without a timer's help the expired ones go with the new ones."""
    request, logout = AuthorizationRequest("app", "myapp://callback", frozenset({"openid"})), LogoutRequest()
    for number in range(1, 20):
        key, at = bytes([number]) * 32, NOON + number * SECOND
        with stage.auth.transaction() as stores:
            stores.waiting_requests.add(WaitingRequest(key, request, at, at + SECOND, pushed=number % 2 == 0))
            stores.waiting_logouts.add(WaitingLogout(key, logout, at, at + SECOND))
    with stage.auth.transaction() as stores:
        stores.waiting_requests.add(WaitingRequest(bytes(32), request, NOON + 19 * SECOND, NOON + 60 * SECOND))
        stores.waiting_logouts.add(WaitingLogout(bytes(32), logout, NOON + 19 * SECOND, NOON + 60 * SECOND))
    assert (count(stage, waiting_requests), count(stage, waiting_logouts)) == (3, 3)
