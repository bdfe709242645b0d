"""Random walks over /authorize with two browsers, sessions, prompts and clients.

No step is skipped, and no code is for the wrong user, client or session (ADR-0007, ADR-0022).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from shared.testing import SettableClock
from tests.integration.auth.authorize_walk import AuthorizeWalk
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, start


@pytest.fixture
def unlimited(tmp_path: Path) -> Iterator[Provider]:
    running = start(
        tmp_path,
        SettableClock(),
        rate_limit_authorize="100000/minute",
        rate_limit_token="100000/minute",
        rate_limit_sign_in="100000/minute",
    )
    yield running
    stop(running)


def test_no_walk_skips_a_step(unlimited: Provider) -> None:
    walk = type("Walk", (AuthorizeWalk,), {"provider": unlimited})
    run_state_machine_as_test(
        walk,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
