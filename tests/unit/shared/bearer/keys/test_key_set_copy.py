"""The last good key set on disk: a fetch is tried first, and a restart makes no key younger."""

import json
from pathlib import Path

import pytest

from shared.bearer import JwksCache
from shared.errors import Unavailable
from shared.testing import FakeIssuer, SettableClock
from tests.unit.shared.bearer.conftest import JWKS_URL, background

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "jwks.json"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def fetched_at(file: Path) -> int:
    moment: int = json.loads(file.read_text(encoding="utf-8"))["fetched_at"]
    return moment


def started(issuer: FakeIssuer, file: Path, url: str = JWKS_URL) -> JwksCache:
    return JwksCache(url, issuer.clock, transport=issuer.transport(), last_good=file, jitter=lambda: 0.0)


async def test_it_serves_a_process_that_starts_during_an_outage(issuer: FakeIssuer, file: Path) -> None:
    await started(issuer, file).find(issuer.kid)
    issuer.outage = True
    assert await started(issuer, file).find(issuer.kid) is not None
    assert issuer.fetches == 2  # the fetch was tried first


async def test_a_fetch_wins_over_it(issuer: FakeIssuer, file: Path) -> None:
    old = issuer.kid
    await started(issuer, file).find(old)
    issuer.rotate()
    jwks = started(issuer, file)
    assert await jwks.find(issuer.kid) is not None
    assert await jwks.find(old) is None


async def test_a_restart_makes_it_no_younger(issuer: FakeIssuer, clock: SettableClock, file: Path) -> None:
    await started(issuer, file).find(issuer.kid)
    issuer.outage = True
    clock.advance(hours=23)
    assert await started(issuer, file).find(issuer.kid) is not None
    clock.advance(hours=1)
    with pytest.raises(Unavailable):
        await started(issuer, file).find(issuer.kid)


async def test_it_is_refreshed_as_soon_as_the_issuer_is_back(
    issuer: FakeIssuer, clock: SettableClock, file: Path
) -> None:
    await started(issuer, file).find(issuer.kid)
    issuer.outage = True
    jwks = started(issuer, file)
    await jwks.find(issuer.kid)
    issuer.outage = False
    clock.advance(seconds=30)
    jwks.current()
    await background(jwks)
    assert fetched_at(file) == int(clock.now().timestamp())


async def test_another_issuers_copy_is_not_used(issuer: FakeIssuer, file: Path) -> None:
    await started(issuer, file).find(issuer.kid)
    issuer.outage = True
    with pytest.raises(Unavailable):
        await started(issuer, file, "http://localhost:9999/jwks.json").find(issuer.kid)


async def test_a_copy_from_the_future_is_not_used(issuer: FakeIssuer, clock: SettableClock, file: Path) -> None:
    await started(issuer, file).find(issuer.kid)
    issuer.outage = True
    clock.advance(hours=-1)
    with pytest.raises(Unavailable):
        await started(issuer, file).find(issuer.kid)


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"url": "' + JWKS_URL + '", "jwks": {"keys": []}}'])
async def test_a_damaged_copy_is_passed_over(issuer: FakeIssuer, file: Path, damage: str) -> None:
    write(file, damage)
    issuer.outage = True
    with pytest.raises(Unavailable):
        await started(issuer, file).find(issuer.kid)


async def test_a_disk_that_refuses_stops_nothing(issuer: FakeIssuer, file: Path) -> None:
    write(file.parent, "a file where a directory should be")
    assert await started(issuer, file).find(issuer.kid) is not None
