"""The key cache told of a rotation, scaled down by its policy, and shut down in the middle of its work."""

import asyncio
import gc
import json
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from shared.bearer import JwksCache, JwksPolicy
from shared.errors import Unavailable
from shared.testing import FakeIssuer, SettableClock
from tests.unit.shared.bearer.conftest import JWKS_URL, background


@pytest.mark.anyio
async def test_word_of_a_rotation_fetches_outside_the_cooldown_and_past_every_cache(
    issuer: FakeIssuer, clock: SettableClock
) -> None:
    asked: list[str | None] = []

    async def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("Cache-Control"))
        return await issuer.transport().handle_async_request(request)

    jwks = JwksCache(JWKS_URL, clock, transport=httpx2.MockTransport(answer))
    assert await jwks.find("forged") is None  # the cooldown begins
    issuer.rotate()
    assert await jwks.find(issuer.kid) is None
    assert await jwks.refresh()
    assert await jwks.find(issuer.kid) is not None
    assert asked == [None, None, "no-cache"]


@pytest.mark.anyio
async def test_word_of_a_rotation_is_not_answered_by_a_fetch_that_began_before(
    jwks: JwksCache, issuer: FakeIssuer
) -> None:
    await jwks.key_set()
    jwks._start_fetch()
    assert await jwks.refresh()
    assert issuer.fetches == 3


@pytest.mark.anyio
async def test_the_same_keys_stay_the_same_object(jwks: JwksCache, issuer: FakeIssuer) -> None:
    first = await jwks.key_set()
    await jwks.refresh()
    assert jwks.held is first
    issuer.rotate()
    await jwks.refresh()
    assert jwks.held is not first


@pytest.mark.anyio
async def test_durations_scale_down(issuer: FakeIssuer, clock: SettableClock) -> None:
    second = timedelta(seconds=1)
    policy = JwksPolicy(min_fresh=second, default_fresh=second, max_fresh=2 * second, cooldown=second)
    jwks = JwksCache(JWKS_URL, clock, transport=issuer.transport(), policy=policy, jitter=lambda: 0.0)
    await jwks.find("forged")
    clock.advance(seconds=1)
    await jwks.find("forged again")
    assert issuer.fetches == 3  # the first keys, and one for each forged kid
    clock.advance(seconds=2)  # max-age says 300
    jwks.current()
    await background(jwks)
    assert issuer.fetches == 4


def test_a_loop_that_ends_in_the_middle_of_a_fetch_leaves_nothing_behind(
    issuer: FakeIssuer, clock: SettableClock, recwarn: pytest.WarningsRecorder
) -> None:
    issuer.latency = timedelta(hours=1)
    jwks = JwksCache(JWKS_URL, clock, transport=issuer.transport())

    async def ask_and_leave() -> None:
        for _ in range(50):
            asyncio.create_task(jwks.find(issuer.kid))  # noqa: RUF006 - abandoned, which is the point
        await asyncio.sleep(0.01)

    asyncio.run(ask_and_leave())
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []
    issuer.latency = timedelta(0)
    assert asyncio.run(jwks.find(issuer.kid)) is not None  # nothing of the old loop is in the way


def test_shutting_down_in_the_middle_of_a_download_ends_its_callers_with_503(
    issuer: FakeIssuer, clock: SettableClock
) -> None:
    issuer.latency = timedelta(hours=1)

    async def close_while_asked() -> None:
        jwks = JwksCache(JWKS_URL, clock, transport=issuer.transport())
        asking = asyncio.create_task(jwks.find(issuer.kid))
        await asyncio.sleep(0.01)
        await jwks.aclose()
        with pytest.raises(Unavailable):
            await asking
        with pytest.raises(Unavailable):
            await jwks.find(issuer.kid)
        assert issuer.fetches == 1

    asyncio.run(close_while_asked())


def test_a_fetch_that_was_ended_before_it_began_is_in_nobodys_way(issuer: FakeIssuer, clock: SettableClock) -> None:
    jwks = JwksCache(JWKS_URL, clock, transport=issuer.transport())

    async def start_and_leave() -> None:
        jwks._start_fetch()

    asyncio.run(start_and_leave())
    assert asyncio.run(jwks.find(issuer.kid)) is not None


def test_shutting_down_loses_no_copy(issuer: FakeIssuer, clock: SettableClock, tmp_path: Path) -> None:
    file = tmp_path / "crm.jwks.json"

    async def close_at_once() -> None:
        jwks = JwksCache(JWKS_URL, clock, transport=issuer.transport(), last_good=file)
        jwks._start_fetch()
        while jwks.held is None:  # noqa: ASYNC110 - the very moment between the swap and the copy
            await asyncio.sleep(0)
        await jwks.aclose()
        assert json.loads(file.read_text(encoding="utf-8"))["jwks"] == issuer.jwks

    asyncio.run(close_at_once())


def test_a_cancelled_loop_loses_no_copy(issuer: FakeIssuer, clock: SettableClock, tmp_path: Path) -> None:
    file = tmp_path / "crm.jwks.json"

    async def end_at_once() -> None:
        jwks = JwksCache(JWKS_URL, clock, transport=issuer.transport(), last_good=file)
        jwks._start_fetch()
        while jwks.held is None:  # noqa: ASYNC110
            await asyncio.sleep(0)

    asyncio.run(end_at_once())  # it cancels the fetch, and waits for its threads
    assert json.loads(file.read_text(encoding="utf-8"))["jwks"] == issuer.jwks
