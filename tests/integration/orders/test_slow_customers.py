"""A provider or a CRM that hangs costs a request the time that the settings give it, and no more."""

import threading
from datetime import timedelta

import pytest

from services.orders.settings import OrdersSettings
from shared.testing import SettableClock
from tests.support.calls import Call
from tests.support.scripted_suite import ScriptedSuite

ORDER = {
    "customer_id": "0190a1b0-0000-7000-8000-00000000c001",
    "currency": "EUR",
    "lines": [{"description": "Teapot", "quantity": 2, "unit_price_minor": 2450}],
}


@pytest.fixture
def customers_timeout() -> timedelta:
    return timedelta(seconds=1)


def test_two_seconds_by_default() -> None:
    assert OrdersSettings(environment="local").customers_timeout == timedelta(seconds=2)


@pytest.mark.parametrize("part", ["token", "contacts"])
def test_a_part_that_hangs_is_given_up_and_counts_as_away(
    call: Call, suite: ScriptedSuite, clock: SettableClock, part: str
) -> None:
    script = getattr(suite, part)
    script.hang = threading.Event()
    for _ in range(5):
        refused = call("POST", "/api/orders", json=ORDER)
        assert refused.status_code == 503
        assert refused.json()["detail"] == "The customer cannot be looked up in the CRM at this moment."
    refused = call("POST", "/api/orders", json=ORDER)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert len(script.asked) == 5
    assert call("GET", "/api/orders").json()["items"] == []
