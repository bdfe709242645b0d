"""A sign-in by a browser on another machine: what the provider may answer, and what the app makes of it (RFC 8628)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mobile.device import DevicePrompt
from mobile.errors import ProviderError

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ANSWER: dict[str, Any] = {
    "device_code": "a-device-code",
    "user_code": "BCDF-GHJK",
    "verification_uri": "https://auth.company.example/device",
    "verification_uri_complete": "https://auth.company.example/device?user_code=BCDF-GHJK",
    "expires_in": 300,
    "interval": 7,
}


def test_what_is_shown_and_how_long_it_waits() -> None:
    prompt = DevicePrompt.read(ANSWER, NOW)
    assert (prompt.user_code, prompt.address) == ("BCDF-GHJK", "https://auth.company.example/device")
    assert prompt.expires_at == NOW + timedelta(minutes=5)
    assert prompt.interval == timedelta(seconds=7)
    prompt.slow_down()
    assert prompt.interval == timedelta(seconds=12)
    assert "a-device-code" not in repr(prompt)


@pytest.mark.parametrize(
    "change",
    [
        {"user_code": None},
        {"user_code": "BCDF\x1b[2J"},
        {"device_code": 7},
        {"device_code": ""},
        {"verification_uri": "http://auth.company.example/device"},
        {"verification_uri_complete": "javascript:alert(1)"},
        {"verification_uri_complete": ["https://auth.company.example"]},
        {"user_code": "x" * 5000},
    ],
    ids=["no-code", "escape", "number", "empty", "plain-http", "script", "list", "long"],
)
def test_an_answer_that_could_mislead_a_person_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProviderError):
        DevicePrompt.read({**ANSWER, **change}, NOW)


@pytest.mark.parametrize("interval", [None, 0, -5, "x", True, 10**12], ids=str)
def test_an_interval_that_makes_no_sense_is_bounded(interval: object) -> None:
    prompt = DevicePrompt.read({**ANSWER, "interval": interval}, NOW)
    assert timedelta(seconds=5) <= prompt.interval <= timedelta(minutes=1)
