import asyncio
from datetime import timedelta

import pytest

from services.auth.rate_limits.limits import Limit, RateLimits
from services.auth.rate_limits.pace import Holding, Pace
from shared.errors import ConfigurationError, TooManyRequests


def limits() -> RateLimits:
    return RateLimits({Limit.TOKEN: "2/hour", Limit.SIGN_IN: "1/hour"}, storage_url="")


def test_the_request_past_the_limit_is_refused_with_a_time_to_wait() -> None:
    counted = limits()
    counted.admit(Limit.TOKEN, "192.0.2.1")
    counted.admit(Limit.TOKEN, "192.0.2.1")
    with pytest.raises(TooManyRequests) as refused:
        counted.admit(Limit.TOKEN, "192.0.2.1")
    assert refused.value.retry_after.total_seconds() >= 1


def test_networks_and_kinds_are_counted_apart() -> None:
    counted = limits()
    for network in ("192.0.2.1", "192.0.2.2", "2001:db8::/64"):
        counted.admit(Limit.SIGN_IN, network)
        counted.admit(Limit.TOKEN, network)


def test_the_pace_slows_after_a_few_forms_and_refuses_last() -> None:
    counted = RateLimits({Limit.SIGN_IN: "100/hour"}, storage_url="")
    paces = [counted.pace(Limit.SIGN_IN, "192.0.2.1") for _ in range(102)]
    assert [pace.admitted for pace in paces] == [True] * 100 + [False] * 2
    holds = [pace.hold.total_seconds() for pace in paces]
    assert holds[:2] == [0, 0]
    assert holds[1:11] == pytest.approx([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1])
    assert set(holds[10:]) == {1}
    with pytest.raises(TooManyRequests):
        paces[-1].demand()
    assert counted.pace(Limit.SIGN_IN, "192.0.2.2").hold == timedelta(0), "another network's pace is its own"


def test_a_known_browser_is_neither_held_nor_refused() -> None:
    pace = Pace(used=1.0, admitted=False, retry_after=timedelta(minutes=1))
    pace.release()
    pace.demand()
    assert pace.hold == timedelta(0)


def test_no_more_answers_are_held_than_the_process_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.auth.rate_limits.pace._MOST_HELD", 1)
    holding, slow = Holding(), Pace(used=1.0, admitted=False, retry_after=timedelta(minutes=1))

    async def two_at_once() -> None:
        first = asyncio.ensure_future(holding.wait(slow))
        await asyncio.sleep(0)
        await asyncio.wait_for(holding.wait(slow), 0.5)
        assert not first.done()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    asyncio.run(two_at_once())
    assert holding._held == 0


@pytest.mark.parametrize(("whole", "share"), [("600/minute", 120), ("30/hour", 10), ("2/hour", 2)])
def test_one_account_has_a_share_of_its_networks_limit(whole: str, share: int) -> None:
    counted = RateLimits({Limit.SIGN_IN: whole}, storage_url="")
    assert [counted.hit(Limit.ATTEMPT, "somebody") for _ in range(share + 1)] == [True] * share + [False]


@pytest.mark.parametrize(
    ("limit", "url", "setting"),
    [
        ("often", "", "AUTH_RATE_LIMIT_TOKEN"),
        ("2/hour", "nonsense://:secret-word@host", "AUTH_RATE_LIMIT_STORAGE_URL"),
    ],
)
def test_a_bad_setting_is_named_and_its_password_is_not_told(limit: str, url: str, setting: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        RateLimits({Limit.TOKEN: limit}, storage_url=url)
    assert str(refused.value).startswith(setting)
    assert "secret-word" not in str(refused.value)
