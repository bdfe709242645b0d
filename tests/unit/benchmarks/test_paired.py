"""Rounds in pairs: repeated while the machine is restless, and given up with a count."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.benchmarks.auth_report import BEGIN, END, Report, Row, write_document
from tests.benchmarks.load import Measured
from tests.benchmarks.paired import measure_pairs, spread


def _costing(*cpu: float) -> Callable[[], Measured]:
    costs: Iterator[float] = iter(cpu)
    return lambda: Measured(100, 100, next(costs))


def test_a_restless_round_is_measured_again() -> None:
    (pair,) = measure_pairs(_costing(1, 2, 1, 1.05), None, rounds=1, tries=3)
    assert pair.quiet
    assert [part.cpu for part in pair.ours] == [1, 1.05]


def test_the_peer_must_hold_still_too() -> None:
    (pair,) = measure_pairs(_costing(1, 1, 1, 1), _costing(1, 1.2, 2, 2), rounds=1, tries=3)
    assert pair.quiet
    assert pair.ratio == 2


def test_after_some_tries_the_best_counts_as_not_quiet() -> None:
    (pair,) = measure_pairs(_costing(1, 2, 1, 1.2, 1, 1.5), None, rounds=1, tries=3)
    assert not pair.quiet
    assert pair.ours[1].cpu == 1.2


def test_a_spread_is_the_median_and_its_quartiles() -> None:
    assert f"{spread([1.0, 2.0, 3.0, 4.0, 5.0]):.0f}" == "3 (2-4)"
    assert f"{spread([2.0]):.0f}" == "2 (2-2)"


def test_the_table_replaces_what_is_between_the_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write_document(Report([Row("A1 refresh", 1.0, spread([500.0]), None, None)], "today."), document)
    written = document.read_text(encoding="utf-8")
    assert "| A1 refresh | >= 1 | 500 (500-500) |" in written
    assert "old" not in written
    assert written.startswith("before\n") and written.endswith("after\n")


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="marks"):
        write_document(Report(), document)
    assert document.read_text(encoding="utf-8") == "mine"
