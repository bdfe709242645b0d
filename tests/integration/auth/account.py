"""How a person uses the account pages in these tests."""

import html
import re

import httpx2

from services.auth.app import ENDPOINTS
from tests.integration.auth.provider import Browser

PAGES = sorted(each.path for each in ENDPOINTS if each.path.startswith("/account"))


def sign_in_to(browser: Browser, path: str, who: tuple[str, str]) -> str:
    """Open a page of the account, sign in, and return where the browser ends up."""
    page = browser.enter_password(browser.follow(browser.get(path)), who)
    if who[0] == "bob":
        page = browser.enter_otp(page)
    assert page.status_code == 303, page.text
    return page.headers["location"]


def form_token(browser: Browser, path: str = "/account/sessions") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(path).text)
    assert found
    return found[1]


def act(browser: Browser, path: str, action: str, **fields: str) -> httpx2.Response:
    """Send a form of a page as it shows it, and return the page that follows."""
    answer = browser.http.post(path, data={"csrf": form_token(browser), "action": action, **fields})
    assert answer.status_code == 303, answer.text
    return browser.follow(answer)


def ids_on(page: httpx2.Response) -> list[str]:
    """Return what the rows of a page are named by, in their order."""
    return [html.unescape(found) for found in re.findall(r'name="id" value="([^"]+)"', page.text)]


def done_of(page: httpx2.Response) -> str:
    """Return the sentence that says what was done."""
    found = re.search(r'<p id="done"[^>]*>([^<]+)</p>', page.text)
    assert found, page.text
    return html.unescape(found[1])
