"""The stand-in for the browser does what browsers do, and refuses what they refuse."""

from typing import Any

import httpx2
import pytest

from mobile.page import Page
from mobile.simulator import ALICE, BOB, BlockedByBrowser, DeepLink, SystemBrowser, UnexpectedPage
from shared.testing import SettableClock

URL = "http://localhost:9000/authorize?redirect_uri=myapp%3A%2F%2Fcallback"
LOGIN = """<form id="login" method="post" action="/login?request=7">
<input type="hidden" name="csrf" value="a&amp;b"><input id="username" name="username" value="prefilled">
<input id="password" name="password" type="password"><input type="checkbox" name="remember" value="1">
<button id="sign-in" name="action" value="sign-in">Sign <b>in</b></button>
<button id="cancel" name="action" value="cancel">Cancel</button></form>
<p role="alert" id="error">That did
 not <em>work</em>.</p><a id="other-account" href="/other">Other</a>"""


def respond(body: str, **headers: str) -> httpx2.Response:
    return httpx2.Response(200, text=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def browser_on(handler: Any) -> SystemBrowser:
    return SystemBrowser(SettableClock(), httpx2.MockTransport(handler))


def opened(browser: SystemBrowser, url: str = URL) -> Page:
    page = browser.open(url)
    assert isinstance(page, Page)
    return page


def test_form_sends_hidden_fields_as_found_and_the_button_that_was_clicked() -> None:
    sent: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return respond(LOGIN) if request.method == "GET" else httpx2.Response(303, headers={"location": "/done"})

    browser = browser_on(handler)
    browser.click(opened(browser), "sign-in", username="alice", password="p&p")

    assert str(sent[1].url) == "http://localhost:9000/login?request=7"
    assert sent[1].content == b"csrf=a%26b&username=alice&password=p%26p&action=sign-in"
    assert sent[1].headers["origin"] == "http://localhost:9000"
    assert str(sent[2].url) == "http://localhost:9000/done"


def test_page_that_sends_no_referrer_sends_a_null_origin() -> None:
    """Fetch: a POST under no-referrer has `Origin: null`, as Chromium and Firefox send it."""
    sent: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return respond(LOGIN, referrer_policy="no-referrer")

    browser = browser_on(handler)
    browser.click(opened(browser), "cancel")

    assert sent[1].headers["origin"] == "null"


def test_texts_and_links_are_found_by_id() -> None:
    browser = browser_on(lambda _request: respond(LOGIN))
    page = opened(browser)

    assert page.texts["error"] == "That did not work."
    assert page.texts["sign-in"] == "Sign in"
    assert isinstance(browser.click(page, "other-account"), Page)
    assert browser.visited == ["/authorize", "/other"]


def test_cookies_are_kept_as_a_browser_keeps_them() -> None:
    seen: list[str | None] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("cookie"))
        return respond("", set_cookie="SSO_SESSION=1; HttpOnly; SameSite=Lax; Path=/")

    browser = browser_on(handler)
    for _ in range(2):
        browser.open(URL)

    assert seen == [None, "SSO_SESSION=1"]


@pytest.mark.parametrize(
    ("policy", "arrives"),
    [
        ("default-src 'none'", True),
        ("form-action 'self'", False),
        ("form-action 'self' myapp:", True),
        ("default-src 'self'; form-action 'self' com.company.myapp:", False),
        ("form-action 'none'", False),
        ("form-action *", True),
    ],
)
def test_deep_link_arrives_only_where_form_action_lets_it(policy: str, arrives: bool) -> None:
    """Chromium checks each redirect of a form, a hop over the same origin included."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/login":
            return httpx2.Response(303, headers={"location": "/authorize/7"})
        if request.url.path == "/authorize/7":
            return httpx2.Response(303, headers={"location": "myapp://callback?code=1"})
        return respond(LOGIN, content_security_policy=policy)

    browser = browser_on(handler)
    if arrives:
        assert browser.sign_in(URL, ALICE) == DeepLink("myapp://callback?code=1")
        return
    with pytest.raises(BlockedByBrowser, match="form-action"):
        browser.sign_in(URL, ALICE)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_form_must_be_answered_by_303(status: int) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return respond(LOGIN) if request.method == "GET" else httpx2.Response(status, headers={"location": "/"})

    browser = browser_on(handler)
    with pytest.raises(BlockedByBrowser, match="303"):
        browser.sign_in(URL, ALICE)


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:4711/callback?code=1", "https://app.example/callback?code=1", "com.x:/cb?code=1"]
)
def test_redirect_to_the_app_is_caught_whatever_its_kind(target: str) -> None:
    url = f"http://localhost:9000/authorize?redirect_uri={target.partition('?')[0]}"
    browser = browser_on(lambda _request: httpx2.Response(303, headers={"location": target}))

    link = browser.sign_in(url, ALICE)
    assert link.parameters == {"code": "1"}
    assert link.altered(code="2", state="s").url == f"{target.partition('?')[0]}?code=2&state=s"
    assert link.altered(code=None).parameters == {}


def test_wrong_password_is_told_by_the_page() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return respond(LOGIN) if request.method == "GET" else httpx2.Response(303, headers={"location": "/login"})

    with pytest.raises(UnexpectedPage, match="That did not work"):
        browser_on(handler).sign_in(URL, ALICE)


@pytest.mark.parametrize(("times", "arrives"), [(1, True), (2, True), (3, False)])
def test_page_that_moves_its_button_is_pressed_once_more(times: int, arrives: bool) -> None:
    asked: list[str] = []
    page = '<form method="post" action="/continue"><button id="continue">Continue</button></form>'

    def handler(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST" and len(asked) == times:
            return httpx2.Response(303, headers={"location": "myapp://callback?code=1"})
        asked.extend([request.method] if request.method == "GET" else [])
        return respond(page) if request.method == "GET" else httpx2.Response(303, headers={"location": "/continue"})

    if arrives:
        assert browser_on(handler).sign_in(URL, ALICE) == DeepLink("myapp://callback?code=1")
        return
    with pytest.raises(UnexpectedPage):
        browser_on(handler).sign_in(URL, ALICE)


def test_endless_redirects_end() -> None:
    browser = browser_on(lambda _request: httpx2.Response(303, headers={"location": "/again"}))

    with pytest.raises(BlockedByBrowser, match="many"):
        browser.open(URL)


def test_one_time_code_is_that_of_rfc_6238() -> None:
    """Of the moment that the clock tells, six digits."""
    clock = SettableClock()
    first = BOB.one_time_code(clock)
    clock.advance(seconds=29)
    assert BOB.one_time_code(clock) == first
    clock.advance(seconds=1)
    assert BOB.one_time_code(clock) != first


def test_no_repr_shows_a_password_or_a_code() -> None:
    assert "wonderland" not in repr(ALICE)
    assert "JBSWY" not in repr(BOB)
    assert "code=1" not in repr(DeepLink("myapp://callback?code=1"))
