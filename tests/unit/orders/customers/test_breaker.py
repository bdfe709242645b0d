from datetime import timedelta

import pytest

from services.orders.customers.breaker import Away, CircuitBreaker
from shared.bearer import InvalidToken
from shared.errors import Unavailable
from shared.testing import SettableClock


@pytest.fixture
def breaker(clock: SettableClock) -> CircuitBreaker:
    return CircuitBreaker("crm", clock, threshold=3, rest=timedelta(seconds=5))


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Away), breaker.watch():
            raise Away("no answer")


def passes(breaker: CircuitBreaker) -> bool:
    try:
        with breaker.watch():
            return True
    except Unavailable:
        return False


def test_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert passes(breaker)  # and begins the count anew
    fail(breaker, 3)
    assert not passes(breaker)


def test_it_says_for_how_long_it_rests(breaker: CircuitBreaker, clock: SettableClock) -> None:
    fail(breaker, 3)
    clock.advance(seconds=2)
    with pytest.raises(Unavailable) as refused, breaker.watch():
        pass
    assert refused.value.retry_after == timedelta(seconds=3)


def test_after_its_rest_one_probe_decides(breaker: CircuitBreaker, clock: SettableClock) -> None:
    fail(breaker, 3)
    clock.advance(seconds=5)
    with breaker.watch():
        assert not passes(breaker)  # one alone
    assert passes(breaker)
    fail(breaker, 2)
    assert passes(breaker)


def test_a_probe_that_fails_opens_it_at_once(breaker: CircuitBreaker, clock: SettableClock) -> None:
    fail(breaker, 3)
    clock.advance(seconds=5)
    fail(breaker)
    assert not passes(breaker)
    clock.advance(seconds=5)
    assert passes(breaker)
    assert passes(breaker)


def test_a_refusal_is_an_answer_and_closes_it(breaker: CircuitBreaker, clock: SettableClock) -> None:
    """Else who sends a token that the provider refuses keeps it half open: one caller at a time for as long."""
    fail(breaker, 3)
    clock.advance(seconds=5)
    with pytest.raises(InvalidToken), breaker.watch():
        raise InvalidToken("not_exchangeable")
    with breaker.watch():
        assert passes(breaker)
    fail(breaker, 2)
    with pytest.raises(Unavailable), breaker.watch():
        raise Unavailable("too many requests")
    fail(breaker, 2)
    assert passes(breaker)


def test_a_caller_that_gives_up_says_nothing_about_the_part(breaker: CircuitBreaker, clock: SettableClock) -> None:
    for _ in range(10):
        with pytest.raises(LookupError), breaker.watch():
            raise LookupError
    assert passes(breaker)
    fail(breaker, 3)
    clock.advance(seconds=5)
    with pytest.raises(LookupError), breaker.watch():
        raise LookupError
    assert passes(breaker)  # the probe that ended so left its place to the next


def test_what_set_out_before_it_opened_does_not_close_it(breaker: CircuitBreaker) -> None:
    with breaker.watch():
        fail(breaker, 3)
    assert not passes(breaker)


def test_a_clock_that_was_set_back_does_not_keep_it_open(breaker: CircuitBreaker, clock: SettableClock) -> None:
    fail(breaker, 3)
    clock.advance(hours=-1)
    assert passes(breaker)
