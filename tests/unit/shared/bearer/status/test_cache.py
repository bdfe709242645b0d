"""When a list is fetched, who waits for it, and what serves while the issuer is away."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from shared.bearer import InvalidToken, StatusCache, StatusReference
from shared.bearer.status.status_list import VERSION_CLAIM
from shared.errors import Unavailable
from shared.testing import FakeIssuer, SettableClock, parts

pytestmark = pytest.mark.anyio

PLACE = StatusReference(0, 7)


@pytest.fixture
def token(issuer: FakeIssuer) -> str:
    return issuer.access_token(status=issuer.statuses.claim(PLACE.index))


async def background(statuses: StatusCache, shard: int = 0) -> None:
    """Let a look that nobody waits for run to its end."""
    if (fetching := statuses._shards[shard].fetching) is not None:
        await fetching


async def is_refused(statuses: StatusCache) -> bool:
    try:
        await statuses.require_valid(PLACE)
    except InvalidToken as refusal:
        return refusal.reason == "revoked"
    return False


async def test_a_shard_not_held_is_fetched_once_for_all_who_wait(statuses: StatusCache, issuer: FakeIssuer) -> None:
    await asyncio.gather(*(statuses.require_valid(StatusReference(0, index)) for index in range(50)))
    assert issuer.status_fetches == 1


async def test_a_list_serves_unasked_until_its_ttl(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await statuses.require_valid(PLACE)
    clock.advance(seconds=14.9)
    await statuses.require_valid(PLACE)
    await background(statuses)
    assert issuer.status_fetches == 1


async def test_after_its_ttl_it_is_looked_at_behind_the_request(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock, token: str
) -> None:
    await statuses.require_valid(PLACE)
    issuer.revoke(token)
    clock.advance(seconds=15)
    assert not await is_refused(statuses)  # answered by what is held
    await background(statuses)
    assert issuer.status_fetches == 2
    assert await is_refused(statuses)


@pytest.mark.requirement("STATUSLIST-8.3")
async def test_a_revoked_token_is_refused_a_second_after_the_ttl_though_nobody_asked_meanwhile(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock, token: str
) -> None:
    """The promise: ttl + 1 s + the time of a fetch."""
    await statuses.require_valid(PLACE)
    issuer.revoke(token)
    clock.advance(seconds=16)
    assert await is_refused(statuses)


async def test_a_look_is_due_by_itself_every_ttl(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock, token: str
) -> None:
    await statuses.require_valid(PLACE)
    timer = statuses._shards[0].timer
    assert timer is not None
    assert 14 < timer.when() - asyncio.get_running_loop().time() <= 15
    issuer.revoke(token)
    clock.advance(seconds=15)
    statuses._due(statuses._shards[0])  # as the timer does
    await background(statuses)
    assert (issuer.status_fetches, await is_refused(statuses)) == (2, True)


async def test_a_shard_that_no_request_names_is_looked_at_all_the_same(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    """An API that was idle for six minutes before an outage must know the lists of the minute before it."""
    await statuses.require_valid(PLACE)
    for _ in range(24):
        clock.advance(seconds=15)
        statuses._due(statuses._shards[0])  # as the timer does
        await background(statuses)
    issuer.outage = True
    clock.advance(seconds=90)
    await statuses.require_valid(PLACE)
    assert issuer.status_fetches >= 25


async def test_a_list_from_before_the_clock_was_set_back_does_not_serve(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await statuses.require_valid(PLACE)
    issuer.outage = True
    clock.advance(minutes=-10)
    with pytest.raises(Unavailable):
        await statuses.require_valid(PLACE)
    with pytest.raises(Unavailable):
        await statuses.require_fresh(PLACE)


async def test_a_lower_version_is_refused(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock, token: str
) -> None:
    """A replica that lags, or who replays an old list, brings no revoked token back."""
    issuer.revoke(token)
    assert await is_refused(statuses)
    version = issuer.statuses.shard(0, clock.now()).version
    issuer.statuses.set(parts(token)[1], clock.now(), revoked=False)
    issuer.statuses.claims[VERSION_CLAIM] = version - 1
    clock.advance(seconds=16)
    assert await is_refused(statuses)
    assert REGISTRY.get_sample_value("bearer_status_fetches_total", {"result": "older"})
    issuer.statuses.claims[VERSION_CLAIM] = version + 1
    clock.advance(seconds=5)
    assert await is_refused(statuses)  # after a failure the next try is nobody's to wait for
    await background(statuses)
    assert not await is_refused(statuses)


async def test_the_same_version_signed_earlier_takes_no_life_away(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await statuses.require_valid(PLACE)
    issuer.statuses.claims["exp"] = int(clock.now().timestamp()) + 20
    clock.advance(seconds=16)
    await statuses.require_valid(PLACE)
    held = statuses._shards[0].list
    assert held is not None and held.expires_at - clock.now() == timedelta(seconds=44)


async def test_not_modified_extends_no_exp(statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock) -> None:
    issuer.statuses.lifetime = timedelta(hours=1)
    await statuses.require_valid(PLACE)
    held = statuses._shards[0].list
    clock.advance(seconds=16)
    await statuses.require_valid(PLACE)
    assert REGISTRY.get_sample_value("bearer_status_fetches_total", {"result": "not_modified"})
    assert statuses._shards[0].list is held
    clock.advance(hours=1)  # past its exp the whole is asked for
    await statuses.require_valid(PLACE)
    assert statuses._shards[0].list is not held


FAULTS: dict[str, dict[str, Any]] = {
    "away": {"outage": True},
    "500": {"status": 500},
    "garbage": {"garbage": True},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_while_the_issuer_is_away_a_list_serves_for_as_long_as_any_token_could_live(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock, token: str, fault: dict[str, Any]
) -> None:
    issuer.revoke(token)
    assert await is_refused(statuses)
    for name, value in fault.items():
        setattr(issuer, name, value)
    other = StatusReference(0, 8)
    clock.advance(seconds=60 + 929)  # its life, the longest token's and the leeway, less a second
    await statuses.require_valid(other)
    assert await is_refused(statuses)
    clock.advance(seconds=1)
    with pytest.raises(Unavailable):
        await statuses.require_valid(other)
    with pytest.raises(Unavailable):
        await statuses.require_valid(PLACE)


async def test_what_fails_closed_stops_at_the_lists_exp(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await statuses.require_valid(PLACE)
    issuer.outage = True
    clock.advance(seconds=59)
    await statuses.require_fresh(PLACE)
    clock.advance(seconds=1)
    await statuses.require_valid(PLACE)
    with pytest.raises(Unavailable):
        await statuses.require_fresh(PLACE)
    issuer.outage = False
    clock.advance(seconds=5)
    await statuses.require_fresh(PLACE)


async def test_what_fails_closed_hears_of_a_revocation_by_its_own_look(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock, token: str
) -> None:
    await statuses.require_valid(PLACE)
    issuer.revoke(token)
    clock.advance(seconds=60)
    with pytest.raises(InvalidToken):
        await statuses.require_fresh(PLACE)


async def test_tries_are_spaced_by_five_seconds(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    issuer.outage = True
    for _ in range(100):
        with pytest.raises(Unavailable) as refusal:
            await statuses.require_valid(PLACE)
        assert refusal.value.retry_after == timedelta(seconds=5)
    assert issuer.status_fetches == 1
    clock.advance(seconds=4.9)
    with pytest.raises(Unavailable):
        await statuses.require_valid(PLACE)
    assert issuer.status_fetches == 1
    issuer.outage = False
    clock.advance(seconds=0.1)
    await statuses.require_valid(PLACE)


async def test_after_a_failure_requests_do_not_wait_for_the_next_try(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await statuses.require_valid(PLACE)
    issuer.outage = True
    clock.advance(seconds=61)
    await statuses.require_valid(PLACE)
    issuer.outage, issuer.latency = False, timedelta(hours=1)
    clock.advance(seconds=5)
    await asyncio.wait_for(statuses.require_valid(PLACE), timeout=1)
    assert statuses._shards[0].fetching is not None
    await statuses.aclose()


async def test_a_caller_that_gives_up_ends_nobody_elses_fetch(statuses: StatusCache, issuer: FakeIssuer) -> None:
    impatient = asyncio.create_task(statuses.require_valid(PLACE))
    patient = asyncio.create_task(statuses.require_valid(PLACE))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert issuer.status_fetches == 1


async def test_a_clock_that_is_set_back_makes_a_list_old(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await statuses.require_valid(PLACE)
    clock.advance(seconds=-10)
    await statuses.require_valid(PLACE)
    assert issuer.status_fetches == 2


async def test_the_age_is_measured(statuses: StatusCache, clock: SettableClock) -> None:
    await statuses.require_valid(PLACE)
    clock.advance(seconds=9)
    assert REGISTRY.get_sample_value("bearer_status_list_age_seconds", {"shard": "0"}) == 9


async def test_closing_ends_what_runs_and_what_is_held_serves_no_more(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await statuses.require_valid(PLACE)
    issuer.latency = timedelta(hours=1)
    clock.advance(seconds=15)
    await statuses.require_valid(PLACE)
    shard = statuses._shards[0]
    await statuses.aclose()
    assert not shard.is_fetching()
    assert shard.timer is None or shard.timer.cancelled()
    assert not statuses.is_valid(PLACE, clock.now())
    for require in (statuses.require_valid, statuses.require_fresh):
        with pytest.raises(Unavailable):
            await require(PLACE)
