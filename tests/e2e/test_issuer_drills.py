"""The issuer fails in every way while clients call: nobody is wrongly refused, and nobody is wrongly let in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.drills import FAULTS, SCALED, Drill, drilled


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    with drilled(tmp_path_factory.mktemp("drills"), SCALED) as drill:
        yield drill


@pytest.mark.parametrize("fault", FAULTS)
def test_the_issuer_fails_while_clients_call(scaled: Drill, fault: str) -> None:
    seen = scaled.under(fault, 2)
    assert seen.good
    assert seen.bad
    assert seen.wrong() == []


def test_a_storm_of_forged_kids_at_default_settings(tmp_path: Path) -> None:
    with drilled(tmp_path, {}) as drill:
        storm = drill.storm(2_000)
    assert storm.answers == [401] * 2_000
    assert 1 <= storm.fetches <= storm.most_fetches()
    assert storm.seen.good
    assert storm.seen.wrong() == []
