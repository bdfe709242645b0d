"""A signing key dropped in an emergency, by the real command: both APIs refuse its tokens, and take the new key's."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from mobile.simulator import ALICE, BOB
from services.local_stack import stack_environment
from tests.e2e.phones import Phones, Wire, tokens_of
from tests.e2e.test_revocation_at_the_apis import FETCH, REPLICA, SCALED, TTL, seconds_until_refused
from tests.support.stack import running_stack, stack_environment_for

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return stack_environment_for(tmp_path / "stack", SCALED)


@pytest.fixture
def scaled(tmp_path: Path, environment: dict[str, str], http: httpx2.Client) -> Iterator[Wire]:
    with running_stack(tmp_path / "stack", environment) as stack:
        yield Wire(stack, http)


def test_tokens_of_a_dropped_key_are_refused_by_both_apis_within_the_ttl(
    scaled: Wire, environment: dict[str, str], tmp_path: Path
) -> None:
    phones = Phones(scaled.stack, tmp_path)
    stolen = tokens_of(phones.signed_in(ALICE)).access_token
    for _ in range(5):
        assert scaled.contacts(stolen).status_code == scaled.orders(stolen).status_code == 200
    subprocess.run(
        [sys.executable, "-m", "services.auth", "keys", "rotate", "--emergency"],
        cwd=ROOT,
        env=stack_environment(environment),
        check=True,
        capture_output=True,
    )
    dropped = time.perf_counter()
    seconds_until_refused(scaled, stolen)
    # the promise: a ttl, a second and a fetch, and one second more for a replica's look
    assert time.perf_counter() - dropped <= TTL + 1 + REPLICA + FETCH
    fresh = tokens_of(phones.signed_in(BOB)).access_token
    assert scaled.contacts(fresh).status_code == scaled.orders(fresh).status_code == 200
    assert scaled.contacts(stolen).status_code == scaled.orders(stolen).status_code == 401
    phones.close()
