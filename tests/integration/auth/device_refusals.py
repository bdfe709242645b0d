"""One way to each refusal of the device grant, by its name."""

from collections.abc import Callable
from typing import Any

from services.auth.audit import Refusal
from services.auth.authorization.device_requests import GRANT_TYPE
from tests.integration.auth.provider import Provider
from tests.integration.auth.seeds import ALICE


def _device(provider: Provider, client_id: str = "mobile-app", **form: str) -> dict[str, Any]:
    form = {"client_id": client_id, "scope": "openid", **form}
    return dict(provider.post("/device_authorization", form).json())


def _poll(provider: Provider, device_code: str) -> None:
    form = {"grant_type": GRANT_TYPE, "client_id": "mobile-app", "device_code": device_code}
    provider.post("/token", form)


def _answered(provider: Provider, button: str) -> str:
    """Return the code of a device after alice has pressed the button of the page that shows the device."""
    device, browser = _device(provider), provider.browser()
    page = browser.enter_password(browser.submit(browser.get("/device"), **{"user-code": device["user_code"]}), ALICE)
    browser.press(page, button)
    return str(device["device_code"])


def _expired_device(provider: Provider) -> None:
    device_code = _device(provider)["device_code"]
    provider.clock.advance(minutes=5)
    _poll(provider, device_code)


def _ended_device(provider: Provider) -> None:
    device_code = _answered(provider, "continue")
    provider.sql("UPDATE users SET disabled_at = :at WHERE username = 'alice'", at=provider.clock.now())
    _poll(provider, device_code)


def _polled_twice(provider: Provider) -> None:
    device_code = _device(provider)["device_code"]
    for _ in range(2):
        _poll(provider, device_code)


DEVICES: dict[str, Callable[[Provider], object]] = {
    Refusal.DEVICE_GRANT_NOT_REGISTERED: lambda p: _device(p, "other-app"),
    Refusal.DEVICE_SCOPE_UNKNOWN: lambda p: _device(p, scope="nothing:known"),
    Refusal.DEVICE_SCOPE_NOT_REGISTERED: lambda p: _device(p, "television", scope="orders:read"),
    Refusal.DEVICE_RESOURCE_UNKNOWN: lambda p: _device(p, resource="https://nowhere.example"),
    Refusal.DEVICE_POLLED_TOO_SOON: _polled_twice,
    Refusal.DEVICE_DENIED: lambda p: _poll(p, _answered(p, "cancel")),
    Refusal.DEVICE_CODE_EXPIRED: _expired_device,
    Refusal.DEVICE_CODE_UNKNOWN: lambda p: _poll(p, "x"),
    Refusal.DEVICE_CODE_OVER: _ended_device,
    Refusal.USER_CODE_UNKNOWN: lambda p: p.browser().http.post("/device", data={"user-code": "BBBB-BBBB"}),
}
