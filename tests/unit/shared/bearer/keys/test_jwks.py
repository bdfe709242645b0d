"""The key cache's policy, clause by clause, on a clock that the test moves; no fetch here leaves the process."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.bearer import JwksCache
from shared.errors import Unavailable
from shared.testing import FakeIssuer, SettableClock
from tests.unit.shared.bearer.conftest import JWKS_URL, background

pytestmark = pytest.mark.anyio


def is_fetching(jwks: JwksCache) -> bool:
    return jwks._fetching is not None


async def test_one_fetch_serves_until_the_keys_are_stale(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    assert await jwks.find(issuer.kid) is not None
    clock.advance(seconds=299)
    assert await jwks.find(issuer.kid) is not None
    await background(jwks)
    assert issuer.fetches == 1


async def test_stale_keys_are_refreshed_in_the_background_while_they_serve(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await jwks.find(issuer.kid)
    clock.advance(seconds=300)
    assert await jwks.find(issuer.kid) is not None
    assert issuer.fetches == 1  # the answer did not wait
    await background(jwks)
    assert issuer.fetches == 2


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("max-age=1", 30),
        ("max-age=90", 90),
        ("public, Max-Age=90", 90),
        ('max-age="90"', 90),
        ("max-age=999999999", 3600),
        ("no-store", 30),
        ("no-cache, max-age=600", 30),
        ("", 300),
        ("s-maxage=7", 300),
        ("max-age=soon", 300),
    ],
)
async def test_how_long_keys_stay_fresh(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock, cache_control: str, seconds: int
) -> None:
    issuer.cache_control = cache_control
    await jwks.find(issuer.kid)
    clock.advance(seconds=seconds - 1)
    jwks.current()
    assert not is_fetching(jwks)
    clock.advance(seconds=1)
    jwks.current()
    assert is_fetching(jwks)
    await background(jwks)


async def test_jitter_brings_a_refresh_forward_by_up_to_a_fifth(issuer: FakeIssuer, clock: SettableClock) -> None:
    jwks = JwksCache(JWKS_URL, clock, transport=issuer.transport(), jitter=lambda: 1.0)
    await jwks.find(issuer.kid)
    clock.advance(seconds=240)
    jwks.current()
    await background(jwks)
    assert issuer.fetches == 2


async def test_an_outage_drops_no_key_for_a_day(jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock) -> None:
    await jwks.find(issuer.kid)
    issuer.outage = True
    for _ in range(23):
        clock.advance(hours=1)
        assert await jwks.find(issuer.kid) is not None
        await background(jwks)
    clock.advance(minutes=59)
    assert await jwks.find(issuer.kid) is not None
    await background(jwks)
    clock.advance(minutes=1)
    with pytest.raises(Unavailable):
        await jwks.find(issuer.kid)
    with pytest.raises(Unavailable):
        jwks.ready()
    issuer.outage = False
    clock.advance(seconds=1)
    assert await jwks.find(issuer.kid) is not None


async def test_failing_refreshes_are_spaced_by_the_cooldown(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await jwks.find(issuer.kid)
    issuer.outage = True
    clock.advance(hours=2)
    for _ in range(1000):
        await jwks.find(issuer.kid)
        await background(jwks)
    assert issuer.fetches == 2
    clock.advance(seconds=30)
    await jwks.find(issuer.kid)
    await background(jwks)
    assert issuer.fetches == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "EC", "kid": "x"}]}},
        {"jwks": {"keys": "none"}},
        {"jwks": {"pad": "x" * 70_000, "keys": []}},
        {"status": 500},
        {"status": 404},
        {"status": 204},
        {"status": 301},
    ],
)
async def test_an_answer_without_usable_keys_is_a_failed_fetch(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock, fault: dict[str, Any]
) -> None:
    kid = issuer.kid
    await jwks.find(kid)
    issuer.rotate()
    for name, value in fault.items():
        setattr(issuer, name, value)
    clock.advance(minutes=10)
    jwks.current()
    await background(jwks)
    assert issuer.fetches == 2
    assert await jwks.find(kid) is not None


async def test_redirects_are_not_followed(clock: SettableClock) -> None:
    asked = []

    async def redirect(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(302, headers={"Location": "http://evil.example/jwks.json"})

    jwks = JwksCache(JWKS_URL, clock, transport=httpx2.MockTransport(redirect))
    with pytest.raises(Unavailable):
        await jwks.find("any")
    assert asked == [JWKS_URL]


async def test_an_endless_answer_is_cut_off(clock: SettableClock) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1024

    async def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=endless())

    jwks = JwksCache(JWKS_URL, clock, transport=httpx2.MockTransport(answer))
    with pytest.raises(Unavailable):
        await jwks.find("any")
    assert sent == 65


async def test_a_clock_that_is_set_back_blocks_no_fetch(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    await jwks.find("stranger")
    clock.advance(days=-1)
    issuer.rotate()
    assert await jwks.find(issuer.kid) is not None


async def test_an_outage_is_logged_once(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.outage = True
    for _ in range(5):
        clock.advance(seconds=1)
        with pytest.raises(Unavailable):
            await jwks.find(issuer.kid)
    assert len(caplog.records) == 1


async def test_without_any_keys_fetches_are_spaced_by_a_second(
    jwks: JwksCache, issuer: FakeIssuer, clock: SettableClock
) -> None:
    issuer.outage = True
    for _ in range(100):
        with pytest.raises(Unavailable):
            await jwks.find(issuer.kid)
    assert issuer.fetches == 1
    issuer.outage = False
    clock.advance(seconds=1)
    assert await jwks.find(issuer.kid) is not None


async def test_a_caller_during_the_look_for_the_copy_waits_for_it(
    issuer: FakeIssuer, clock: SettableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure is known before the copy is read: who asks in between must not be told that there are no keys."""
    file = tmp_path / "jwks.json"
    before = JwksCache(JWKS_URL, clock, last_good=file, transport=issuer.transport())
    assert await before.find(issuer.kid) is not None
    issuer.outage = True
    jwks = JwksCache(JWKS_URL, clock, last_good=file, transport=issuer.transport())
    reading, go_on = asyncio.Event(), asyncio.Event()
    read = jwks._fall_back_to_copy

    async def slow_disk() -> None:
        reading.set()
        await go_on.wait()
        await read()

    monkeypatch.setattr(jwks, "_fall_back_to_copy", slow_disk)
    first = asyncio.create_task(jwks.find(issuer.kid))
    await reading.wait()
    second = asyncio.create_task(jwks.find(issuer.kid))
    await asyncio.sleep(0)
    go_on.set()
    assert await first is not None
    assert await second is not None
