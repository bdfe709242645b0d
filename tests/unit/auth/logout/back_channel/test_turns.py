"""Which clients may be posted to: a silent one gets fewer and fewer chances, and takes no room from the others."""

from datetime import timedelta

from services.auth.logout.back_channel.turns import BREAKS_AFTER, PER_CLIENT, TROUBLED, Turns
from shared.testing import SettableClock

NOON = SettableClock().now()
SECOND = timedelta(seconds=1)


def fail(turns: Turns, client_id: str, times: int, at: timedelta = timedelta(0)) -> None:
    for _ in range(times):
        turns.begin(client_id)
        turns.end(client_id, well=False, now=NOON + at)


def test_a_client_whose_notices_are_on_their_way_waits_for_them() -> None:
    turns = Turns()
    turns.begin("a")
    turns.begin("a")
    turns.end("a", well=True, now=NOON)
    assert turns.not_now(NOON) == {"a"}
    turns.end("a", well=True, now=NOON)
    assert turns.not_now(NOON) == set()


def test_a_client_that_fails_in_a_row_pauses_longer_each_time() -> None:
    turns = Turns()
    fail(turns, "a", BREAKS_AFTER - 1)
    assert turns.not_now(NOON) == set()
    fail(turns, "a", 1)
    assert turns.not_now(NOON + 9 * SECOND) == {"a"} and turns.not_now(NOON + 10 * SECOND) == set()
    fail(turns, "a", 1, 10 * SECOND)
    assert turns.not_now(NOON + 29 * SECOND) == {"a"} and turns.not_now(NOON + 30 * SECOND) == set()
    fail(turns, "a", 50, 30 * SECOND)
    assert turns.not_now(NOON + timedelta(minutes=5, seconds=29)) == {"a"}
    assert turns.not_now(NOON + timedelta(minutes=5, seconds=30)) == set()


def test_an_answer_ends_the_pause() -> None:
    turns = Turns()
    fail(turns, "a", 9)
    turns.begin("a")
    turns.end("a", well=True, now=NOON)
    assert turns.not_now(NOON) == set() and not turns._lines, "nothing is remembered of a client that is well"


def test_a_clock_that_was_set_back_ends_the_pause() -> None:
    turns = Turns()
    fail(turns, "a", 9)
    assert turns.not_now(NOON - SECOND) == set()


def test_many_silent_clients_leave_room_for_the_others() -> None:
    turns = Turns()
    silent = [f"silent-{number}" for number in range(5)]
    for client in silent:
        fail(turns, client, 1)
    for client in silent[: TROUBLED // PER_CLIENT]:
        for _ in range(PER_CLIENT):
            turns.begin(client)
    assert turns.not_now(NOON) == set(silent)
