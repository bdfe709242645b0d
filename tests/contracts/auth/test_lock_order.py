"""Two transactions of an end and of a sign-in that meet half way: neither waits for the other in a circle.

Each test stops one where it holds its first row, lets the other run into it, and goes on; in a circle PostgreSQL would
break one of the two off (40P01), and an operator's command or a person's sign-in would be lost.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text

from services.auth import revocation as ends
from services.auth.authorization.consent import withdraw_consent
from services.auth.storage import SqlAuthDatabase
from services.auth.stores import Stores
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.status_list import StatusReference
from shared.database import Database
from shared.testing import BOB, SettableClock
from tests.contracts.auth.conftest import HOME, NOON, Stage, new_session
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import action_of, hidden_fields, start_on
from tests.integration.auth.seeds import seed
from tests.support.databases import migrated

LATER = NOON + timedelta(seconds=1)


def wait_for_a_waiter(database: Database) -> None:
    """Return once a transaction of this database waits for a lock; pytest's timeout is the limit."""
    query = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND datname = :name"
    with database.autocommit() as db:
        while db.execute(text(query), {"name": database.engine.url.database}).scalar_one() == 0:
            pass


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as running:
        yield running


def in_one_transaction(stage: Stage, act: Callable[[Stores], object]) -> None:
    other = stage.second_process()
    with other.transaction() as stores:
        act(stores)
    other.database.dispose()


def test_a_withdrawal_and_a_sign_in_in_anothers_browser_do_not_wait_for_each_other(
    postgres_stage: Stage, pool: ThreadPoolExecutor
) -> None:
    """The sign-in ends alice's session, so it holds a shard before it inserts bob's session, which names bob's row."""
    stage = postgres_stage
    bobs = new_session(user_id=UUID(BOB))
    with stage.auth.transaction() as stores:
        stores.sessions.add(bobs)
    for session in (stage.session, bobs):
        stage.family(session_id=session.id, user_id=session.user_id)

    def withdraw(stores: Stores) -> None:
        withdraw_consent(stores, UUID(BOB), "app", origin=HOME, now=LATER)

    with stage.auth.transaction() as stores:
        ends.end_session(
            stores,
            stage.session,
            everywhere=False,
            native_too=True,
            reason=EndReason.SIGNED_IN_AS_ANOTHER_USER,
            origin=HOME,
            now=LATER,
        )
        withdrawal = pool.submit(in_one_transaction, stage, withdraw)
        wait_for_a_waiter(stage.sql)
        stores.sessions.add(new_session(user_id=UUID(BOB)))
    withdrawal.result()


def test_the_end_of_a_user_and_the_last_step_of_a_sign_in_do_not_wait_for_each_other(
    postgres_database_url: str, tmp_path: Path, clock: SettableClock, pool: ThreadPoolExecutor
) -> None:
    """/authorize takes the session before the request that waits, as every end does."""
    seeded = migrated("auth", postgres_database_url)
    seed(seeded)
    provider = start_on(postgres_database_url, tmp_path, clock)
    browser = provider.browser()
    browser.sign_in()
    page = browser.open()
    agreed = browser.http.post(action_of(page), data={**hidden_fields(page), "action": "continue", "intent": "shown"})
    database = SqlAuthDatabase(seeded)
    with database.transaction() as stores:
        alice = stores.users.find_by_username("alice")
        assert alice is not None
        stores.users.invalidate_tokens(alice.id, clock.now() + timedelta(seconds=1))
        stores.sessions.end_of_user(alice.id, clock.now())
        last_step: Future[httpx2.Response] = pool.submit(browser.get, agreed.headers["location"])
        wait_for_a_waiter(seeded)
        stores.waiting_requests.end_of_user(alice.id, clock.now())
    assert last_step.result().status_code == 400, "it was neither broken off nor brings it a code"
    with seeded.autocommit() as db:
        assert db.execute(text("SELECT count(*) FROM authorization_codes")).scalar_one() == 1
    stop(provider)
    seeded.dispose()


def test_the_end_of_a_client_and_an_emergency_rotation_do_not_wait_for_each_other(
    postgres_stage: Stage, pool: ThreadPoolExecutor
) -> None:
    """Shards are locked in ascending order, also when a client's own place lies below those of its families."""
    stage = postgres_stage
    with stage.auth.transaction() as stores:
        machine = stores.machine_statuses.draw("app", NOON)
    assert machine is not None
    family = stage.family()
    above = machine.shard + 10
    with stage.sql.unit_of_work() as db:
        copied = "SELECT :above, machine, filling, version, bits FROM status_shards WHERE shard = 0"
        db.execute(text(f"INSERT INTO status_shards {copied}"), {"above": above})
        db.execute(text("UPDATE families SET status_shard = :above WHERE id = :id"), {"above": above, "id": family.id})

    def end(stores: Stores) -> None:
        ends.end_client(stores, "app", reason=EndReason.CLIENT_DISABLED, origin=None, now=LATER)

    with stage.auth.transaction() as stores:
        stores.status_shards.revoke([StatusReference(machine.shard, machine.index)], LATER)
        ending = pool.submit(in_one_transaction, stage, end)
        wait_for_a_waiter(stage.sql)
        stores.status_shards.move_all(LATER)
    ending.result()
