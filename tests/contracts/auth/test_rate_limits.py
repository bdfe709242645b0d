"""Rate limits on a real Valkey: shared by replicas, and never in the way when it is gone."""

import pytest

from services.auth.rate_limits.limits import Limit, RateLimits
from shared.errors import TooManyRequests
from tests.support.valkey import running_valkey

LIMITS = {Limit.TOKEN: "3/hour", Limit.SIGN_IN: "2/hour"}


def exhaust(limits: RateLimits, network: str) -> None:
    for _ in range(3):
        limits.admit(Limit.TOKEN, network)


def test_two_replicas_count_together() -> None:
    with running_valkey() as (url, _):
        one, other = (RateLimits(LIMITS, storage_url=url) for _ in range(2))
        one.admit(Limit.TOKEN, "192.0.2.1")
        other.admit(Limit.TOKEN, "192.0.2.1")
        one.admit(Limit.TOKEN, "192.0.2.1")
        with pytest.raises(TooManyRequests) as refused:
            other.admit(Limit.TOKEN, "192.0.2.1")
        assert 0 < refused.value.retry_after.total_seconds() <= 3600
        other.admit(Limit.TOKEN, "192.0.2.2")  # another network's requests are its own


def test_valkey_gone_falls_back_to_this_process_and_still_limits(caplog: pytest.LogCaptureFixture) -> None:
    with running_valkey() as (url, process):
        limits = RateLimits(LIMITS, storage_url=url)
        exhaust(limits, "192.0.2.1")
        process.terminate()
        process.wait()
        exhaust(limits, "192.0.2.1")
        with pytest.raises(TooManyRequests):
            limits.admit(Limit.TOKEN, "192.0.2.1")
    assert len(caplog.records) == 1  # said once, not for each request


def test_valkey_away_from_the_start_is_no_reason_not_to_answer() -> None:
    with running_valkey() as (url, process):
        process.terminate()
        process.wait()
        exhaust(RateLimits(LIMITS, storage_url=url), "192.0.2.1")
