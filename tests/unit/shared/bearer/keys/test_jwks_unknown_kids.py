"""Kids that the key cache does not know: found when they are new, costing next to nothing when they are forged."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from shared.bearer import JwksCache
from shared.bearer.keys.jwks import MAX_UNKNOWN_KIDS
from shared.testing import FakeIssuer, SettableClock
from tests.unit.shared.bearer.conftest import background

pytestmark = pytest.mark.anyio


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("bearer_jwks_lookups_total", {"result": result}) or 0.0


async def test_a_new_key_is_found_at_its_first_token(jwks: JwksCache, issuer: FakeIssuer) -> None:
    await jwks.find(issuer.kid)
    issuer.rotate()
    assert await jwks.find(issuer.kid) is not None
    assert issuer.fetches == 2


async def test_a_storm_of_forged_kids_costs_one_fetch_a_cooldown(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await jwks.find(issuer.kid)
    before = counted("cooldown")
    for number in range(10_000):
        assert await jwks.find(f"forged-{number}") is None
    assert issuer.fetches == 2
    assert counted("cooldown") - before == 9_999
    assert await jwks.find(issuer.kid) is not None  # known kids are never blocked
    clock.advance(seconds=29)
    await jwks.find("forged again")
    assert issuer.fetches == 2
    clock.advance(seconds=1)
    await jwks.find("forged once more")
    assert issuer.fetches == 3


async def test_concurrent_unknown_kids_share_one_fetch(jwks: JwksCache, issuer: FakeIssuer) -> None:
    await jwks.find(issuer.kid)
    issuer.rotate()
    found = await asyncio.gather(*(jwks.find(issuer.kid) for _ in range(50)), *(jwks.find(f"f{n}") for n in range(50)))
    assert issuer.fetches == 2
    assert all(found[:50]) and not any(found[50:])


async def test_a_caller_that_gives_up_ends_nobody_elses_fetch(jwks: JwksCache, issuer: FakeIssuer) -> None:
    impatient = asyncio.create_task(jwks.find(issuer.kid))
    patient = asyncio.create_task(jwks.find(issuer.kid))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient is not None
    assert issuer.fetches == 1


async def test_a_kid_known_to_be_unknown_costs_no_second_fetch_until_the_keys_are_swapped(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await jwks.find("stranger")
    clock.advance(seconds=31)
    await jwks.find("stranger")
    fetches = issuer.fetches
    clock.advance(seconds=31)
    await jwks.find("stranger")
    assert issuer.fetches == fetches
    await jwks.find("another")  # its fetch swaps the keys
    assert jwks._unknown == {"another": None}


async def test_the_memory_of_unknown_kids_is_bounded(jwks: JwksCache) -> None:
    await jwks.key_set()
    for number in range(MAX_UNKNOWN_KIDS + 10):
        jwks._remember_unknown(str(number))
    assert len(jwks._unknown) == MAX_UNKNOWN_KIDS
    assert "0" not in jwks._unknown


async def test_an_outage_makes_no_kid_known_to_be_unknown(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await jwks.find(issuer.kid)
    issuer.rotate()
    issuer.outage = True
    assert await jwks.find(issuer.kid) is None
    issuer.outage = False
    clock.advance(seconds=30)
    assert await jwks.find(issuer.kid) is not None


async def test_a_withdrawn_key_is_gone_after_the_refresh(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    old = issuer.kid
    await jwks.find(old)
    issuer.rotate()
    clock.advance(minutes=5)
    jwks.current()
    await background(jwks)
    assert await jwks.find(old) is None
