"""Ends among redemptions and refreshes, two processes on one PostgreSQL: nothing stays alive, nobody deadlocks."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from services.auth import revocation as ends
from services.auth.keys.key_ring import KeyRing
from services.auth.storage.tables import families
from services.auth.stores import Stores
from services.auth.tokens.family import Presented
from services.auth.tokens.refresh_token import RefreshPolicy, rotate
from services.auth.tokens.status_list import StatusReference
from shared.testing import ALICE
from tests.contracts.auth.conftest import HOME, NOON, SEED_HASH, Stage, bit
from tests.support.authorizations import redeem_code

RING = KeyRing.of(b"k" * 32)
POLICY = RefreshPolicy(timedelta(seconds=60), timedelta(days=30))

ENDS: dict[str, Callable[[Stores], object]] = {
    "user": lambda stores: ends.set_enabled(stores, UUID(ALICE), enabled=False, origin=None, now=NOON),
    "client": lambda stores: ends.set_enabled(stores, "app", enabled=False, origin=None, now=NOON),
}


@pytest.mark.parametrize("names", [("user",), ("client",), ("user", "client")])
def test_an_end_among_redemptions_and_refreshes_leaves_nothing_alive(
    postgres_stage: Stage, names: tuple[str, ...]
) -> None:
    other = postgres_stage.second_process()
    codes = [postgres_stage.code() for _ in range(8)]
    live = [postgres_stage.family(mac_kid=RING.current) for _ in range(8)]
    together = threading.Barrier(16 + len(names))

    def act(number: int) -> None:
        database = (postgres_stage.auth, other)[number % 2]
        together.wait()
        if number < 8:
            seed = bytes([number]) * 16
            redeem_code(database, codes[number], seed=seed, mac_kid=RING.current, origin=HOME, now=NOON)
        elif number < 16:
            presented = Presented(live[number - 8].id, 0, SEED_HASH, "app", None, HOME)
            rotate(database, presented, ring=RING, policy=POLICY, now=NOON)
        else:
            with database.transaction() as stores:
                ENDS[names[number - 16]](stores)

    with ThreadPoolExecutor(16 + len(names)) as pool:
        list(pool.map(act, range(16 + len(names))))
    with postgres_stage.sql.autocommit() as db:
        rows = db.execute(select(families.c.revoked_at, families.c.status_shard, families.c.status_index)).all()
    assert len(rows) >= 8 and all(row.revoked_at is not None for row in rows)
    assert all(bit(postgres_stage, StatusReference(row.status_shard, row.status_index)) for row in rows)
    other.database.dispose()
