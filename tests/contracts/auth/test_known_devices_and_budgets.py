"""What bounds sign-ins, on both backends: known devices, failure budgets, live sessions."""

from datetime import datetime, timedelta
from uuid import UUID

from services.auth.accounts.failure_budget import Budget, BudgetKey, Contender, account_of, begin
from services.auth.accounts.known_devices import DEVICE_LIFETIME, MOST_DEVICES
from shared.testing import ALICE, BOB
from tests.contracts.auth.conftest import NOON, Stage, new_session

SECOND = timedelta(seconds=1)


def remember(stage: Stage, device: bytes, user: str, now: datetime = NOON) -> None:
    with stage.auth.transaction() as stores:
        stores.devices.remember(device, UUID(user), expires_at=now + DEVICE_LIFETIME, now=now)


def known(stage: Stage, devices: list[bytes], username: str, now: datetime = NOON) -> bytes | None:
    with stage.auth.autocommit() as stores:
        return stores.devices.find(devices, username, now)


def test_a_device_is_known_to_the_user_it_was_minted_for_and_to_nobody_else(stage: Stage) -> None:
    mine, yours, forged = b"m" * 32, b"y" * 32, b"f" * 32
    remember(stage, mine, ALICE)
    remember(stage, yours, BOB)
    assert known(stage, [yours, mine], "alice") == mine
    assert known(stage, [yours, mine], "bob") == yours
    assert known(stage, [yours, forged], "alice") is None
    assert known(stage, [mine], "nobody") is known(stage, [], "alice") is None
    assert known(stage, [bytes(32)], "alice") is None
    with stage.auth.autocommit() as stores:
        assert stores.devices.owners([mine, yours, forged], NOON) == {mine: UUID(ALICE), yours: UUID(BOB)}
        assert stores.devices.owners([], NOON) == {}


def test_a_device_ends_in_the_look_up_whether_or_not_it_is_purged(stage: Stage) -> None:
    device = b"d" * 32
    remember(stage, device, ALICE)
    end = NOON + DEVICE_LIFETIME
    assert known(stage, [device], "alice", end - SECOND) == device
    assert known(stage, [device], "alice", end) is None
    with stage.auth.transaction() as stores:
        stores.devices.expire([device], UUID(BOB), at=NOON)
        stores.devices.expire([device], UUID(ALICE), at=NOON + SECOND)
        stores.devices.expire([device], UUID(ALICE), at=NOON + 9 * SECOND)
    assert known(stage, [device], "alice") == device
    assert known(stage, [device], "alice", NOON + SECOND) is None, "never later than it would have ended"


def test_a_user_is_known_in_so_many_browsers_and_the_oldest_is_forgotten(stage: Stage) -> None:
    devices = [bytes([number]) * 32 for number in range(1, MOST_DEVICES + 3)]
    for number, device in enumerate(devices):
        remember(stage, device, ALICE, NOON + number * SECOND)
    remember(stage, b"z" * 32, BOB)
    assert [device for device in devices if known(stage, [device], "alice")] == devices[2:]
    assert known(stage, [b"z" * 32], "bob")


def test_of_a_users_live_sessions_the_oldest_are_surplus(stage: Stage) -> None:
    sessions = [new_session(user_id=UUID(BOB), auth_time=NOON + number * SECOND) for number in range(4)]
    with stage.auth.transaction() as stores:
        for session in sessions:
            stores.sessions.add(session)
        stores.sessions.end(sessions[1].id, NOON)
    with stage.auth.transaction() as stores:
        assert [found.id for found in stores.sessions.surplus(UUID(BOB), most=2, now=NOON)] == [sessions[0].id]
        assert stores.sessions.surplus(UUID(BOB), most=3, now=NOON) == []
        assert stores.sessions.surplus(UUID(ALICE), most=1, now=NOON) == []


def test_a_budget_is_replaced_only_as_it_was_read(stage: Stage) -> None:
    key, blocked = BudgetKey(b"k" * 32, b"a" * 32), NOON + SECOND
    with stage.auth.transaction() as stores:
        budgets = stores.budgets
        assert budgets.find(key) is None
        assert budgets.count(key, read=None, write=Budget(1, None), now=NOON)
        assert not budgets.count(key, read=None, write=Budget(1, None), now=NOON), "two first failures at once"
        assert budgets.count(key, read=Budget(1, None), write=Budget(5, blocked), now=NOON)
        assert not budgets.count(key, read=Budget(5, None), write=Budget(6, None), now=NOON)
        assert not budgets.count(key, read=Budget(4, blocked), write=Budget(6, None), now=NOON)
        assert budgets.find(key) == Budget(5, blocked)


def test_a_refund_takes_back_the_wait_that_its_own_attempt_made(stage: Stage) -> None:
    key, blocked = BudgetKey(b"k" * 32, b"a" * 32), NOON + SECOND
    with stage.auth.transaction() as stores:
        budgets = stores.budgets
        budgets.count(key, read=None, write=Budget(5, blocked), now=NOON)
        budgets.refund(key, counted=5)
        assert budgets.find(key) == Budget(4, None)
        budgets.count(key, read=Budget(4, None), write=Budget(6, blocked), now=NOON)
        budgets.refund(key, counted=5)  # somebody else has failed since
        assert budgets.find(key) == Budget(5, blocked)
        budgets.reset(key)
        assert budgets.find(key) is None
        budgets.refund(key, counted=1)
        assert budgets.find(key) is None


def test_all_budgets_of_one_account_are_reset_together(stage: Stage) -> None:
    with stage.auth.transaction() as stores:
        budgets = stores.budgets
        for name in ("alice", "bob"):
            for network, device in (("192.0.2.1", None), ("198.51.100.7", None), ("192.0.2.1", b"d" * 32)):
                begin(budgets, Contender(name, network, device), NOON)
        assert budgets.reset_account(account_of("alice"))
        assert not budgets.reset_account(account_of("alice"))
        assert budgets.find(Contender("alice", "192.0.2.1", None).budget_key) is None
        assert budgets.find(Contender("bob", "192.0.2.1", None).budget_key) == Budget(1, None)
