"""The last good status lists on disk: for a start while the issuer is away, verified anew, under the same limits."""

from pathlib import Path

import pytest

from shared.bearer import InvalidToken, StatusCache, StatusReference
from shared.bearer.keys.copies import StatusListCopies
from shared.errors import Unavailable
from shared.testing import FakeIssuer, SettableClock

pytestmark = pytest.mark.anyio

REVOKED, GOOD = StatusReference(0, 7), StatusReference(0, 8)


@pytest.fixture
def copies(tmp_path: Path) -> StatusListCopies:
    return StatusListCopies(tmp_path, "crm")


def started(statuses: StatusCache, copies: StatusListCopies) -> StatusCache:
    """Return what a process holds that has just begun."""
    return StatusCache(statuses._source, statuses._clock, max_stale=statuses._max_stale, copies=copies)


async def test_a_boot_during_an_outage_uses_the_last_good_list_under_the_same_limits(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock, copies: StatusListCopies
) -> None:
    issuer.revoke(issuer.access_token(status=issuer.statuses.claim(REVOKED.index)))
    with pytest.raises(InvalidToken):
        await started(statuses, copies).require_valid(REVOKED)
    issuer.outage = True
    clock.advance(seconds=30)
    restarted = started(statuses, copies)
    with pytest.raises(InvalidToken):
        await restarted.require_valid(REVOKED)
    await restarted.require_valid(GOOD)
    await restarted.require_fresh(GOOD)
    with pytest.raises(Unavailable):
        await restarted.require_valid(StatusReference(1, 0))  # a shard without a copy
    clock.advance(seconds=30)
    await restarted.require_valid(GOOD)
    with pytest.raises(Unavailable):
        await restarted.require_fresh(GOOD)
    clock.advance(minutes=15, seconds=30)
    with pytest.raises(Unavailable):
        await started(statuses, copies).require_valid(GOOD)


async def test_a_fetch_is_tried_first(
    statuses: StatusCache, issuer: FakeIssuer, clock: SettableClock, copies: StatusListCopies
) -> None:
    await started(statuses, copies).require_valid(REVOKED)
    issuer.revoke(issuer.access_token(status=issuer.statuses.claim(REVOKED.index)))
    with pytest.raises(InvalidToken):
        await started(statuses, copies).require_valid(REVOKED)


async def test_a_copy_by_a_key_that_is_gone_is_passed_over(
    statuses: StatusCache, issuer: FakeIssuer, copies: StatusListCopies
) -> None:
    await started(statuses, copies).require_valid(GOOD)
    issuer.rotate()
    assert await statuses._source._jwks.refresh()
    issuer.outage = True
    with pytest.raises(Unavailable):
        await started(statuses, copies).require_valid(GOOD)


@pytest.mark.parametrize("text", ["", "garbage", "\xff", "a.b.c"])
async def test_a_damaged_copy_is_passed_over(
    statuses: StatusCache, issuer: FakeIssuer, copies: StatusListCopies, tmp_path: Path, text: str
) -> None:
    (tmp_path / "crm.status-0.jwt").write_text(text, encoding="latin-1")
    issuer.outage = True
    with pytest.raises(Unavailable):
        await started(statuses, copies).require_valid(GOOD)


async def test_a_copy_that_cannot_be_written_is_no_failure(statuses: StatusCache, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="ascii")
    holding = started(statuses, StatusListCopies(tmp_path / "file", "crm"))
    await holding.require_valid(GOOD)
    assert not holding._shards[0].failed
