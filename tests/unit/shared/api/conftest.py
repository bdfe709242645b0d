import pytest

from shared.testing import FakeIssuer, SettableClock


@pytest.fixture
def issuer(clock: SettableClock) -> FakeIssuer:
    return FakeIssuer(clock=clock)
