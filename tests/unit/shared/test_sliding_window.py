import threading
from concurrent.futures import ThreadPoolExecutor

from shared.sliding_window import SlidingWindow


class _Now:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_the_window_slides() -> None:
    now = _Now()
    window = SlidingWindow(10, 60, clock=now)
    now.seconds = 60 * 20  # a window begins
    assert [window.hit("a") for _ in range(11)] == [True] * 10 + [False]
    now.seconds += 59
    assert not window.hit("a")
    now.seconds += 1  # the next one begins: all ten still count
    assert not window.hit("a")
    now.seconds += 30  # half of them have slid out
    assert [window.hit("a") for _ in range(6)] == [True] * 5 + [False]


def test_who_was_refused_is_not_counted_for_it() -> None:
    now = _Now()
    window = SlidingWindow(1, 60, clock=now)
    now.seconds = 1200.0
    assert [window.hit("a") for _ in range(50)].count(True) == 1
    now.seconds += 119
    assert window.hit("a")


def test_nothing_is_kept_past_two_windows() -> None:
    now = _Now()
    window = SlidingWindow(3, 60, clock=now)
    for number in range(1000):
        window.hit(f"network {number}")
    now.seconds += 120
    assert window.test("network 1")
    assert len(window._counts) + len(window._before) == 0


def test_a_test_counts_nothing_and_keys_are_apart() -> None:
    window = SlidingWindow(1, 60, clock=_Now())
    assert all(window.test("a") for _ in range(5))
    assert window.hit("a")
    assert not window.test("a")
    assert window.hit("b")


def test_threads_together_get_no_more_than_the_limit() -> None:
    window, start = SlidingWindow(500, 3600, clock=_Now()), threading.Barrier(8)

    def some() -> int:
        start.wait()
        return sum(window.hit("a") for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: some(), range(8))) == 500
