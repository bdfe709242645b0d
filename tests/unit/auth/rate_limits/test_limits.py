import pytest

from services.auth.rate_limits.limits import Limit, RateLimits
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


def test_a_check_costs_nothing_and_a_count_refuses_nobody() -> None:
    counted = limits()
    for _ in range(5):
        counted.check(Limit.SIGN_IN, "192.0.2.1")
    for _ in range(5):
        counted.count(Limit.SIGN_IN, "192.0.2.1")
    with pytest.raises(TooManyRequests):
        counted.check(Limit.SIGN_IN, "192.0.2.1")


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
