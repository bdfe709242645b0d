"""A client of another company that signs people in by a popup, and waits for it as its opener (ADR-0127)."""

from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, Route, expect

from mobile.simulator import ALICE
from tests.browser.test_authorization_answers import link
from tests.browser.visitor import Visitor, give_password
from tests.e2e.phones import Phones

CLIENT = "http://localhost:9100"
_HOME = "<!doctype html><title>Partner</title><p id=heard></p><button id=sign-in>Sign in</button>"
_CALLBACK = "<!doctype html><title>Back</title>"
_LISTEN = """(address) => {
  addEventListener("message", (event) => { document.querySelector("#heard").textContent = event.data; });
  document.querySelector("#sign-in").onclick = () => open(address, "sign-in", "width=500,height=600");
}"""
_TELL = "opener ? opener.postMessage(location.search, location.origin) : document.title = 'nobody waits'"


def _clients_page(route: Route) -> None:
    home = not route.request.url.startswith(f"{CLIENT}/callback")
    route.fulfill(body=_HOME if home else _CALLBACK, content_type="text/html")


@pytest.fixture
def home(visitor: Visitor, phones: Phones) -> Page:
    """The client's page, whose button opens the sign-in."""
    visitor.origins.add(CLIENT)
    visitor.context.route(f"{CLIENT}/**", _clients_page)
    tab = visitor.open(f"{CLIENT}/")
    asked = {
        "client_id": "partner-web",
        "redirect_uri": f"{CLIENT}/callback",
        "scope": "openid crm:read",
        "prompt": "consent",
    }
    tab.evaluate(_LISTEN, link(phones, **asked))
    return tab


@pytest.mark.parametrize("detour", ["none", "a wrong password", "an error page"])
def test_the_opener_hears_of_the_sign_in_that_its_popup_has_completed(home: Page, phones: Phones, detour: str) -> None:
    with home.expect_popup() as opened:
        home.click("#sign-in")
    popup = opened.value
    if detour == "a wrong password":
        popup.fill("#username", "alice")
        popup.fill("#password", "a guess")
        popup.click("#sign-in")
        expect(popup.locator("#error")).to_be_visible()
    if detour == "an error page":
        signing_in = popup.url
        popup.goto(f"{phones.stack.auth}/nowhere")
        expect(popup.locator("#error")).to_be_visible()
        popup.goto(signing_in)
    give_password(popup, ALICE)
    popup.click("#sign-in")
    popup.mouse.move(50, 50)
    popup.mouse.move(60, 60)
    popup.wait_for_timeout(700)
    popup.click("#allow")
    popup.wait_for_url(f"{CLIENT}/callback**")
    popup.evaluate(_TELL)
    expect(home.locator("#heard")).to_contain_text("code=")
    assert parse_qs((home.locator("#heard").text_content() or "").lstrip("?"))["state"] == ["a state"]
