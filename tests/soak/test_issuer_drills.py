"""The drills of the issuer at length, and what valid calls took under each fault beside a quiet run."""

from pathlib import Path

import pytest

from tests.e2e.drills import FAULTS, SCALED, drilled

SECONDS, FORGED_KIDS = 20, 10_000


def test_every_fault_of_the_issuer_beside_a_quiet_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    with drilled(tmp_path / "scaled", SCALED) as drill:
        for fault in ("quiet", *FAULTS):
            seen = drill.under(fault, SECONDS)
            assert seen.wrong() == []
            lines.append(f"{fault:10} {seen.latency()}")
    with drilled(tmp_path / "default", {}) as drill:
        storm = drill.storm(FORGED_KIDS)
    assert storm.answers == [401] * FORGED_KIDS
    assert 1 <= storm.fetches <= storm.most_fetches()
    assert storm.seen.wrong() == []
    lines.append(f"{'storm':10} {storm.seen.latency()}   {storm.fetches} fetches of the keys in {storm.seconds:.0f} s")
    with capsys.disabled():
        print("", *lines, sep="\n")
