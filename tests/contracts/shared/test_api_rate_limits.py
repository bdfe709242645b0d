"""The limits of an API in a real Valkey: replicas share them, and its absence stops nobody."""

import asyncio

import pytest

from shared.api.rate_limits import RateLimits
from shared.errors import ConfigurationError, TooManyRequests
from tests.support.valkey import running_valkey


async def admitted(limits: RateLimits, subject: str = "alice", cost: int = 1) -> bool:
    try:
        await limits.admit(subject, {"changes": cost})
    except TooManyRequests:
        return False
    return True


def test_replicas_share_what_a_subject_has_left_and_go_on_alone_without_it() -> None:
    asyncio.run(share_and_go_on())


async def share_and_go_on() -> None:
    with running_valkey() as (url, process):
        one, two = (RateLimits({"changes": "5/hour"}, prefix="CRM_", storage_url=url) for _ in range(2))
        other_api = RateLimits({"changes": "5/hour"}, prefix="ORDERS_", storage_url=url)
        try:
            assert await admitted(one)
            assert await admitted(two, cost=3)
            assert await admitted(one)
            assert not await admitted(two)
            assert await admitted(one, "bob")
            assert await admitted(other_api)
            process.terminate()
            process.wait()
            assert [await admitted(two) for _ in range(6)] == [True] * 5 + [False]
        finally:
            for limits in (one, two, other_api):
                await limits.aclose()


@pytest.mark.parametrize(("limit", "url"), [("many", ""), ("1/hour", "nonsense://"), ("1/hour", "valkey://[")])
def test_a_limit_that_cannot_be_read_stops_the_start(limit: str, url: str) -> None:
    with pytest.raises(ConfigurationError, match="CRM_RATE_LIMIT_"):
        RateLimits({"changes": limit}, prefix="CRM_", storage_url=url)
