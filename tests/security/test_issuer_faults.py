"""The issuer away, broken, flooded, or changing its keys: no wrong answer, no good token refused."""

from collections.abc import Callable

import pytest

from shared.testing import FakeIssuer, SettableClock
from tests.security.test_bearer_attacks import Target, refused, target

__all__ = ["target"]

FAULTS: dict[str, Callable[[FakeIssuer], None]] = {
    "away": lambda issuer: setattr(issuer, "outage", True),
    "500": lambda issuer: setattr(issuer, "status", 500),
    "garbage": lambda issuer: setattr(issuer, "garbage", True),
    "a key set of ten thousand keys": lambda issuer: issuer.flood_key_set(),
    "an empty key set": lambda issuer: issuer.jwks.update(keys=[]),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_issuer_lets_nobody_in_and_keeps_nobody_out(
    target: Target, clock: SettableClock, fault: Callable[[FakeIssuer], None]
) -> None:
    revoked = target.issuer.access_token()
    target.issuer.revoke(revoked)
    assert target.get(target.issuer.access_token()).status_code == 200
    fault(target.issuer)
    for _ in range(15):
        clock.advance(seconds=20)
        good = target.issuer.access_token()
        assert target.get(good).status_code == 200
        refused(target.get(target.issuer.forged(good)))
        refused(target.get(revoked))
        refused(target.get(next(target.issuer.random_kids(1))))


def test_keys_that_rotate_at_every_cooldown_refuse_no_good_token(target: Target, clock: SettableClock) -> None:
    """Announced before they sign, as the provider does: the key set holds the next key ahead of its first token."""
    issuer = target.issuer
    assert target.get(issuer.access_token()).status_code == 200
    for _ in range(5):
        before = issuer.access_token()
        issuer.rotate(keep_old=True)
        clock.advance(seconds=31)  # an unknown kid may be asked for again
        assert target.get(issuer.access_token()).status_code == 200
        assert target.get(before).status_code == 200
        refused(target.get(issuer.forged(before)))
