"""What waits for a logout, on both backends: requests bound to a browser, and the outbox that two processes share."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update
from uuid_utils.compat import uuid7

from services.auth import revocation as ends
from services.auth.logout.back_channel.outbox import LogoutNotice, queue_notices
from services.auth.logout.rp_initiated import LogoutRequest, WaitingLogout
from services.auth.storage import SqlAuthDatabase
from services.auth.storage.tables import clients, logout_notices
from services.auth.tokens.end_reason import EndReason
from shared.testing import ALICE
from tests.contracts.auth.conftest import CLIENT_METADATA, HOME, NOON, Stage, new_family, new_session

HANDLE, BROWSER, OTHER = b"h" * 32, b"b" * 32, b"o" * 32
SECOND, LEASE = timedelta(seconds=1), timedelta(seconds=30)


@pytest.fixture
def told(stage: Stage) -> Stage:
    """A stage whose client has a back channel, and got tokens in the session."""
    told_by_post(stage)
    stage.family()
    return stage


def told_by_post(stage: Stage) -> None:
    metadata = {**CLIENT_METADATA, "backchannel_logout_uri": "https://app.example/backchannel"}
    with stage.sql.unit_of_work() as db:
        db.execute(update(clients).where(clients.c.client_id == "app").values(metadata=metadata))


def queue(stage: Stage, count: int = 1) -> list[LogoutNotice]:
    notices = [LogoutNotice(uuid7(), "app", UUID(ALICE), uuid7(), NOON + n * SECOND) for n in range(count)]
    with stage.auth.transaction() as stores:
        for notice in notices:
            stores.logout_notices.add(notice)
    return notices


def claim(auth: SqlAuthDatabase, limit: int = 20) -> list[LogoutNotice]:
    with auth.autocommit() as stores:
        return stores.logout_notices.claim(NOON + timedelta(minutes=1), lease=LEASE, limit=limit, per_client=99)


def outcomes(stage: Stage) -> list[tuple[int, str | None]]:
    with stage.sql.autocommit() as db:
        rows = db.execute(select(logout_notices.c.attempts, logout_notices.c.outcome))
        return [(row.attempts, row.outcome) for row in rows]


# ---------------------------------------------------------------- who is told


def test_the_end_of_a_session_queues_a_notice_for_each_client_with_a_back_channel(told: Stage) -> None:
    told.family()  # a second sign-in of the same client is no second notice
    with told.auth.transaction() as stores:
        assert ends.end_session(stores, told.session, everywhere=False, reason=EndReason.LOGOUT, origin=HOME, now=NOON)
    (notice,) = claim(told.auth)
    assert (notice.client_id, notice.session_id, notice.user_id) == ("app", told.session.id, UUID(ALICE))
    with told.auth.transaction() as stores:
        assert not ends.end_session(
            stores, told.session, everywhere=False, reason=EndReason.LOGOUT, origin=HOME, now=NOON
        )
        queue_notices(stores.logout_notices, told.session.id, UUID(ALICE), NOON)
    assert len(outcomes(told)) == 1


def test_an_end_that_is_rolled_back_tells_nobody(told: Stage) -> None:
    def fail() -> None:
        with told.auth.transaction() as stores:
            ends.end_session(stores, told.session, everywhere=False, reason=EndReason.LOGOUT, origin=HOME, now=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert outcomes(told) == []


def test_disabling_a_user_tells_the_clients_of_every_session(told: Stage) -> None:
    second = new_session()
    with told.auth.transaction() as stores:
        stores.sessions.add(second)
    with told.auth.transaction() as stores:
        stores.families.add(new_family(second))
    with told.auth.transaction() as stores:
        assert ends.set_enabled(stores, UUID(ALICE), enabled=False, origin=None, now=NOON)
    assert {notice.session_id for notice in claim(told.auth)} == {told.session.id, second.id}


def test_a_client_without_a_back_channel_a_disabled_one_and_a_stranger_are_not_told(stage: Stage) -> None:
    stage.family()
    with stage.auth.autocommit() as stores:
        assert stores.logout_notices.clients_of(stage.session.id) == []
    told_by_post(stage)
    with stage.auth.autocommit() as stores:
        assert stores.logout_notices.clients_of(stage.session.id) == ["app"]
        assert stores.logout_notices.clients_of(uuid7()) == []
    values = {"client_id": "z", "metadata": CLIENT_METADATA, "created_at": NOON, "updated_at": NOON}
    with stage.sql.unit_of_work() as db:
        db.execute(insert(clients).values(values))
        db.execute(update(clients).where(clients.c.client_id == "app").values(disabled_at=NOON))
    with stage.auth.autocommit() as stores:
        assert stores.logout_notices.clients_of(stage.session.id) == []


# ---------------------------------------------------------------- the outbox


def test_a_claimed_notice_is_nobody_elses_until_its_lease_is_over(stage: Stage) -> None:
    queue(stage, 3)
    later = NOON + timedelta(minutes=1)
    with stage.auth.autocommit() as stores:
        first = stores.logout_notices.claim(later, lease=LEASE, limit=2, per_client=9)
        second = stores.logout_notices.claim(later, lease=LEASE, limit=2, per_client=9)
        assert [len(first), len(second)] == [2, 1]
        assert not {notice.id for notice in first} & {notice.id for notice in second}
        assert first[0].created_at < first[1].created_at < second[0].created_at, "the oldest first"
        assert stores.logout_notices.claim(later + LEASE - SECOND, lease=LEASE, limit=9, per_client=9) == []
        again = stores.logout_notices.claim(later + LEASE, lease=LEASE, limit=9, per_client=9)
    assert [notice.attempts for notice in again] == [2, 2, 2], "a process that died left them"


def test_a_notice_is_not_due_before_its_time_and_closed_once(stage: Stage) -> None:
    (queued,) = queue(stage)
    with stage.auth.autocommit() as stores:
        assert stores.logout_notices.claim(NOON - SECOND, lease=LEASE, limit=9, per_client=9) == []
        (notice,) = stores.logout_notices.claim(NOON, lease=LEASE, limit=9, per_client=9)
        assert notice.id == queued.id
        stores.logout_notices.put_off(notice, NOON + timedelta(hours=1))
        assert stores.logout_notices.claim(NOON + timedelta(minutes=59), lease=LEASE, limit=9, per_client=9) == []
        (later,) = stores.logout_notices.claim(NOON + timedelta(hours=1), lease=LEASE, limit=9, per_client=9)
        stores.logout_notices.put_off(notice, NOON)  # the first attempt's word is out of date
        assert stores.logout_notices.claim(NOON + timedelta(hours=1), lease=LEASE, limit=9, per_client=9) == []
        assert stores.logout_notices.finish(later, "delivered", NOON)
        assert not stores.logout_notices.finish(later, "given_up", NOON)
        assert stores.logout_notices.claim(NOON + timedelta(days=9), lease=LEASE, limit=9, per_client=9) == []
    assert outcomes(stage) == [(2, "delivered")]


@pytest.fixture
def two(postgres_stage: Stage) -> Iterator[tuple[Stage, SqlAuthDatabase]]:
    other = postgres_stage.second_process()
    yield postgres_stage, other
    other.database.dispose()


def test_two_processes_never_deliver_the_same_notice_at_once(two: tuple[Stage, SqlAuthDatabase]) -> None:
    stage, other = two
    queue(stage, 60)
    with ThreadPoolExecutor(8) as threads:
        batches = list(threads.map(lambda n: claim((stage.auth, other)[n % 2], limit=5), range(24)))
    claimed = [notice.id for batch in batches for notice in batch]
    assert len(claimed) == len(set(claimed))
    while batch := claim(stage.auth):
        claimed += [notice.id for notice in batch]
    assert len(set(claimed)) == len(claimed) == 60


# ---------------------------------------------------------------- requests that wait


def test_a_waiting_logout_is_bound_to_the_first_browser_and_used_once(stage: Stage) -> None:
    request = LogoutRequest("app", stage.session.id, True, "https://app.example/out", "a \u00e4\"'", None)
    later = NOON + SECOND
    with stage.auth.transaction() as stores:
        stores.waiting_logouts.add(WaitingLogout(HANDLE, request, NOON, NOON + timedelta(minutes=1)))
        assert stores.waiting_logouts.find(HANDLE, BROWSER, later) is None
        stores.waiting_logouts.bind(HANDLE, BROWSER, later)
        stores.waiting_logouts.bind(HANDLE, OTHER, later)
        found = stores.waiting_logouts.find(HANDLE, BROWSER, later)
        assert found is not None and found.request == request
        assert stores.waiting_logouts.find(HANDLE, OTHER, later) is None
        assert stores.waiting_logouts.find(HANDLE, BROWSER, NOON + timedelta(minutes=1)) is None
        assert not stores.waiting_logouts.complete(HANDLE, OTHER, later, outcome="code")
        assert stores.waiting_logouts.complete(HANDLE, BROWSER, later, outcome="code")
        assert not stores.waiting_logouts.complete(HANDLE, BROWSER, later, outcome="code")
        assert stores.waiting_logouts.find(HANDLE, BROWSER, later) is None


def test_a_request_without_members_comes_back_as_it_went() -> None:
    for request in (LogoutRequest(), LogoutRequest(note="bad_hint"), LogoutRequest("app", uuid7(), True)):
        assert LogoutRequest.from_record(request.record()) == request


def test_each_client_gets_its_turn_and_who_must_wait_gets_none(stage: Stage) -> None:
    values = {"client_id": "other", "metadata": CLIENT_METADATA, "created_at": NOON, "updated_at": NOON}
    with stage.sql.unit_of_work() as db:
        db.execute(insert(clients).values(values))
    queue(stage, 5)
    last = LogoutNotice(uuid7(), "other", stage.session.user_id, uuid7(), NOON + 30 * SECOND)
    with stage.auth.transaction() as stores:
        stores.logout_notices.add(last)
    later = NOON + timedelta(minutes=1)
    with stage.auth.autocommit() as stores:
        claim = stores.logout_notices.claim
        assert {each.client_id for each in claim(later, lease=LEASE, limit=2, per_client=4)} == {"app", "other"}
        assert claim(later, lease=LEASE, limit=9, per_client=4, without={"app"}) == []
        assert len(claim(later, lease=LEASE, limit=9, per_client=3)) == 3
        overdue = stores.logout_notices.overdue
        assert len(overdue("app", before=later, limit=9)) == 5 and overdue("app", before=NOON - SECOND, limit=9) == []
