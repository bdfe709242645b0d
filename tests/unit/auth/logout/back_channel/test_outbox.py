"""How long a notice waits between attempts."""

from datetime import timedelta

from services.auth.logout.back_channel.outbox import LEASE, next_wait
from services.auth.logout.back_channel.post import TIMEOUT


def test_the_wait_doubles_up_to_half_an_hour_with_jitter() -> None:
    for attempts, seconds in ((1, 2), (2, 4), (5, 32), (10, 1024), (11, 1800), (1000, 1800)):
        drawn = {next_wait(attempts) for _ in range(200)}
        assert len(drawn) > 5, "or an outage's notices come back all at once"
        assert timedelta(seconds=seconds * 0.8) <= min(drawn) <= max(drawn) <= timedelta(seconds=seconds * 1.2)


def test_a_lease_outlasts_a_delivery() -> None:
    assert 2 * TIMEOUT < LEASE
