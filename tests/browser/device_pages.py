"""The pages at which a person connects a device, as `shown_pages.PAGES` lists pages."""

from collections.abc import Callable

import httpx2
from playwright.sync_api import Page, expect

from mobile.simulator import ALICE
from tests.browser.visitor import Visitor, give_password
from tests.e2e.phones import Phones

Show = Callable[[Visitor, Phones], Page]


def _at(address: str) -> Show:
    return lambda visitor, phones: visitor.open(f"{phones.stack.auth}{address}")


def _unknown(visitor: Visitor, phones: Phones) -> Page:
    tab = visitor.open(f"{phones.stack.auth}/device")
    tab.fill("#user-code", "BBBB-BBBB")
    tab.click("#confirm-code")
    return tab


def _confirm(visitor: Visitor, phones: Phones) -> Page:
    form = {"client_id": "mobile-app", "scope": "openid crm:read"}
    codes = httpx2.post(f"{phones.stack.auth}/device_authorization", data=form).json()
    tab = visitor.open(codes["verification_uri_complete"])
    tab.click("#confirm-code")
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("#device-details")).to_contain_text(codes["user_code"])
    return tab


def _connected(visitor: Visitor, phones: Phones) -> Page:
    tab = _confirm(visitor, phones)
    tab.click("#continue")
    expect(tab.locator("#device-connected")).to_be_visible()
    return tab


DEVICE_PAGES: dict[str, tuple[Show, int, str | None]] = {
    "device": (_at("/device?user_code=BCDF-GHJK"), 200, None),
    "device-unknown-code": (
        _unknown,
        400,
        "This code is not known, or it has expired. Compare it with the one on your device.",
    ),
    "device-confirm": (_confirm, 200, None),
    "device-connected": (_connected, 200, None),
    "device-refused": (_at("/device?error=access_denied"), 200, None),
}
