"""Two tabs that a browser opens at once on a first visit: whichever answer it keeps, both work.

Policy: ADR-0062
"""

import pytest

from tests.integration.auth.provider import Browser, Provider, answer_of
from tests.integration.auth.seeds import ALICE, DEEP_LINK


@pytest.mark.parametrize("kept", [0, 1])
def test_two_tabs_that_are_opened_at_once_both_work(provider: Provider, kept: int) -> None:
    """Both requests leave without a cookie; of what both answers write, the browser keeps the later one."""
    first, second = provider.browser(), provider.browser()
    answers = [first.authorize(state="one"), second.authorize(state="two")]
    browser = provider.browser()
    for tab in (first, second)[:: 1 if kept else -1]:
        browser.http.cookies.update(tab.http.cookies)
    assert len([name for name in browser.cookies if name.startswith("SSO_BROWSER_")]) == 2
    pages = [browser.follow(answer) for answer in answers]
    states = [answer_of(browser.enter_password(page, ALICE))["state"] for page in pages]
    assert states == ["one", "two"]


def test_a_browser_with_its_cookie_gets_no_more_of_them(browser: Browser) -> None:
    browser.open()
    before = set(browser.cookies)
    for _ in range(5):
        browser.open()
    assert set(browser.cookies) == before


def test_two_tabs_at_sign_out_after_the_browser_was_closed_both_work(provider: Provider) -> None:
    """Its session lives on, the cookie that names the browser went with the window."""
    person = provider.browser()
    person.sign_in()
    tabs = [provider.browser(), provider.browser()]
    for tab in tabs:
        tab.http.cookies.set("SSO_SESSION", person.cookies["SSO_SESSION"])
    pages = [tab.get("/logout") for tab in tabs]
    browser = provider.browser()
    for tab in tabs:
        browser.http.cookies.update(tab.http.cookies)
    assert 'id="still-signed-in"' in browser.press(pages[0], "cancel").text
    assert 'id="logged-out"' in browser.press(pages[1], "confirm-logout").text


def test_cookies_of_requests_are_host_only_and_go_by_themselves(https_provider: Provider) -> None:
    answer = https_provider.browser().authorize(redirect_uri=DEEP_LINK)
    cookies = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
    (own,) = [cookie for cookie in cookies if cookie.startswith("__Host-SSO_BROWSER_")]
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=4500"):
        assert attribute in own
    assert "Domain" not in own
