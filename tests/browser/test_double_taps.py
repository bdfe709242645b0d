"""Two taps, a slow network, and clicks that were meant for another window, in a real Chromium.

Policy: ADR-0062, ADR-0063
"""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from mobile.simulator import ALICE, BOB
from tests.browser.conftest import NewVisitor
from tests.browser.test_authorization_answers import link
from tests.browser.visitor import Visitor, give_password, sign_in
from tests.e2e.phones import Phones
from tests.support.browser import capture_deep_link

#: Milliseconds: of the network, one way and back, and between the taps.
LATENCY = 150


def slow(tab: Page) -> None:
    """Let everything that this tab sends take its time."""
    network = tab.context.new_cdp_session(tab)
    network.send("Network.enable")
    conditions = {"offline": False, "latency": LATENCY, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", conditions)


def deep_links(tab: Page) -> list[str]:
    found: list[str] = []

    def see(request: Request) -> None:
        if request.url.startswith("myapp:"):
            found.append(request.url)

    tab.on("request", see)
    return found


def tap_twice(tab: Page, button: str, apart: int) -> None:
    """Tap where the button is, and once more there, whatever is there by then."""
    expect(tab.locator(button)).to_be_enabled()
    box = tab.locator(button).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.up()
    tab.wait_for_timeout(apart)
    tab.mouse.down()
    tab.mouse.up()


@pytest.mark.parametrize("apart", [20, 180, 320])
@pytest.mark.parametrize("javascript", [True, False])
def test_two_taps_on_sign_in_end_in_the_app(
    new_visitor: NewVisitor, phones: Phones, apart: int, *, javascript: bool
) -> None:
    tab = new_visitor(javascript=javascript).open(link(phones))
    slow(tab)
    give_password(tab, ALICE)
    links = deep_links(tab)
    tap_twice(tab, "#sign-in", apart)
    tab.wait_for_timeout(1500)
    assert links and all("code" in parse_qs(urlsplit(each).query) for each in links)
    assert len({parse_qs(urlsplit(each).query)["code"][0] for each in links}) == 1
    assert tab.locator("#error").count() == 0


@pytest.mark.parametrize("apart", [30, 200])
def test_two_taps_on_the_second_factor_end_in_the_app(new_visitor: NewVisitor, phones: Phones, apart: int) -> None:
    phones.await_new_code(BOB)
    tab = new_visitor(javascript=False).open(link(phones))
    give_password(tab, BOB)
    tab.click("#sign-in")
    tab.fill("#otp", BOB.one_time_code(phones.clock))
    slow(tab)
    links = deep_links(tab)
    tap_twice(tab, "#verify", apart)
    tab.wait_for_timeout(1500)
    assert links and all("code" in parse_qs(urlsplit(each).query) for each in links)


@pytest.mark.parametrize("apart", [10, 60, 250])
def test_two_taps_on_continue_end_in_the_app(visitor: Visitor, phones: Phones, apart: int) -> None:
    sign_in(visitor.open(link(phones)), ALICE, phones.clock)
    tab = visitor.open(link(phones))
    slow(tab)
    links = deep_links(tab)
    tap_twice(tab, "#continue", apart)
    expect(tab.locator("#signed-in")).to_be_visible()
    assert len(links) == 1


def test_a_click_that_began_elsewhere_approves_nothing(visitor: Visitor, phones: Phones) -> None:
    """The second click of a double click, at once after the page came to the front, with a pointer that rests."""
    sign_in(visitor.open(link(phones)), ALICE, phones.clock)
    address = link(phones)
    tab = visitor.open(address)
    box = tab.locator("#continue").bounding_box()
    assert box is not None
    tab.goto("about:blank")
    tab.mouse.move(box["x"] + 20, box["y"] + 20)
    tab.goto(address)
    links = deep_links(tab)
    tab.mouse.down()
    tab.mouse.up()
    tab.wait_for_timeout(700)
    assert links == []
    tab.evaluate("dispatchEvent(new Event('focus'))")  # a window above this one was closed
    expect(tab.locator("#continue")).to_have_attribute("aria-disabled", "true")
    tab.mouse.down()
    tab.mouse.up()
    tab.wait_for_timeout(300)
    assert links == []
    tab.click("#continue")
    expect(tab.locator("#signed-in")).to_be_visible()
    assert len(links) == 1


def test_after_the_app_was_opened_the_page_says_so(visitor: Visitor, phones: Phones) -> None:
    """The browser stays where it was; the filled form is gone, and a reload is not an error."""
    tab = visitor.open(link(phones))
    first = sign_in(tab, ALICE, phones.clock)
    expect(tab.locator("#signed-in")).to_be_visible()
    tab.reload()
    expect(tab.locator("#signed-in")).to_be_visible()
    free = visitor.open(tab.url)  # that tab is covered by the question whether to open the app
    again = capture_deep_link(free, lambda: free.click("#back-to-app"))
    assert again == first, "the answer that the app may have missed"


def test_two_tabs_that_a_fresh_browser_opens_at_once_both_work(visitor: Visitor, phones: Phones) -> None:
    opener = visitor.context.new_page()
    addresses = [link(phones, state="one"), link(phones, state="two")]
    tabs = [visitor.context.new_page() for _ in addresses]
    for tab, address in zip(tabs, addresses, strict=True):
        tab.evaluate("(address) => { setTimeout(() => { location.href = address; }, 50); }", address)
    opener.wait_for_timeout(500)
    for tab, state in zip(tabs, ("one", "two"), strict=True):
        assert parse_qs(urlsplit(sign_in(tab, ALICE, phones.clock)).query)["state"] == [state]
