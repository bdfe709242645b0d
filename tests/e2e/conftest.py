"""The running suite on each backend, with phones to use it."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.phones import Phones, Wire
from tests.support.stack import Stack


@pytest.fixture(params=["stack", "postgres_stack"], ids=["sqlite", "postgresql"])
def suite(request: pytest.FixtureRequest) -> Stack:
    """The three processes; the test runs once on each backend."""
    running: Stack = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def phones(suite: Stack, tmp_path: Path) -> Iterator[Phones]:
    made = Phones(suite, tmp_path)
    yield made
    made.close()


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    """A plain HTTP client that follows no redirect."""
    with httpx2.Client(trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def wire(suite: Stack, http: httpx2.Client) -> Wire:
    return Wire(suite, http)
