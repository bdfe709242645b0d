from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import Clock, epoch, moment
from tests.support.clock_file import ClockFile


def offset_of(clock: Clock) -> timedelta:
    """Return how far `clock` is from the real time, to the minute."""
    return timedelta(minutes=round((clock.now() - Clock().now()) / timedelta(minutes=1)))


def test_now_is_aware_and_utc() -> None:
    assert Clock().now().tzinfo is UTC


def test_the_file_moves_the_clock_and_is_read_anew(clock_file: ClockFile) -> None:
    clock = Clock(clock_file.path)
    assert offset_of(clock) == timedelta(0)
    clock_file.advance(timedelta(hours=1))
    assert offset_of(clock) == timedelta(hours=1)
    clock_file.advance(timedelta(hours=-3))
    assert offset_of(clock) == timedelta(hours=-2)


@pytest.mark.parametrize("content", ["", "\n", "0", "+0.0"])
def test_an_empty_file_moves_nothing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "clock"
    file.write_text(content, encoding="ascii")
    assert offset_of(Clock(file)) == timedelta(0)


def test_a_file_that_is_not_there_moves_nothing(tmp_path: Path) -> None:
    assert offset_of(Clock(tmp_path / "none")) == timedelta(0)


def test_a_numeric_date_is_whole_seconds_and_comes_back() -> None:
    noon = datetime(2030, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
    assert epoch(noon) == 1_893_499_200
    assert moment(epoch(noon)) == noon.replace(microsecond=0)
