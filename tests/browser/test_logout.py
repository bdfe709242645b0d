"""Signing out in a real Chromium: the app is gone back to, also after a form, and the session is over."""

import contextlib
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Error, Page, expect

from mobile.simulator import ALICE, CAROL, Person
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor, sign_in
from tests.e2e.phones import Phones
from tests.support.browser import capture_deep_link
from tests.support.stack import Stack

SCHEME, HTTPS = "com.company.myapp:/signed-out", "https://app.company.localhost/signed-out"
STATE = "a \"b' <c> &d %41 #e \u00e4"
ENCODED = "?state=a%20%22b%27%20%3Cc%3E%20%26d%20%2541%20%23e%20%C3%A4"


def hint_of(visitor: Visitor, phones: Phones, person: Person = ALICE) -> str:
    """Sign in with this browser and return the app's ID token."""
    app = phones.app()
    link = sign_in(visitor.open(app.client.begin_sign_in()), person, phones.clock)
    return app.client.finish_sign_in(link).id_token


def logout_link(stack: Stack, hint: str, back: str) -> str:
    query = {"id_token_hint": hint, "post_logout_redirect_uri": back, "state": STATE}
    return f"{stack.auth}/logout?{urlencode(query)}"


def arrive(visitor: Visitor, tab: Page, back: str) -> None:
    """Let the client's https address answer: no such host exists here."""
    visitor.origins.add("https://app.company.localhost")
    tab.route(f"{back}**", lambda route: route.fulfill(body="<h1>Back at the app</h1>", content_type="text/html"))


def test_with_the_hint_of_this_session_the_app_is_gone_back_to_at_once(
    stack: Stack, phones: Phones, visitor: Visitor
) -> None:
    hint = hint_of(visitor, phones)
    tab = visitor.context.new_page()

    def go() -> None:
        with contextlib.suppress(Error):  # no program here takes the scheme: the navigation itself comes to nothing
            tab.goto(logout_link(stack, hint, SCHEME))

    assert capture_deep_link(tab, go, "com.company.myapp") == SCHEME + ENCODED
    assert "SSO_SESSION" not in visitor.cookies()
    again = visitor.open(phones.app().client.begin_sign_in())
    expect(again.locator("#password")).to_be_visible()


@pytest.mark.parametrize("back", [SCHEME, HTTPS])
def test_after_the_question_chromium_lets_the_form_end_at_the_apps_address(
    stack: Stack, phones: Phones, new_visitor: NewVisitor, back: str
) -> None:
    """The hint is another session's, so it asks."""
    hint, visitor = hint_of(new_visitor(), phones, CAROL), new_visitor()
    hint_of(visitor, phones)
    tab = visitor.open(logout_link(stack, hint, back))
    expect(tab.locator("#confirm-logout")).to_be_visible()
    assert "SSO_SESSION" in visitor.cookies()
    if back is SCHEME:
        assert capture_deep_link(tab, lambda: tab.click("#confirm-logout"), "com.company.myapp") == back + ENCODED
    else:
        arrive(visitor, tab, back)
        tab.click("#confirm-logout")
        expect(tab.locator("h1")).to_have_text("Back at the app")
        assert tab.url.startswith(f"{back}?state=a%20")
    assert "SSO_SESSION" not in visitor.cookies()


def test_everywhere_works_without_javascript_and_ends_the_app_too(
    stack: Stack, phones: Phones, new_visitor: NewVisitor
) -> None:
    visitor, app = new_visitor(javascript=False), phones.app()
    app.client.finish_sign_in(sign_in(visitor.open(app.client.begin_sign_in()), ALICE, phones.clock))
    assert app.client.userinfo()
    stack.advance(1)
    tab = visitor.open(f"{stack.auth}/logout")
    tab.click("#logout-everywhere")
    expect(tab.locator("#logged-out")).to_be_visible()
    expect(visitor.open(phones.app().client.begin_sign_in()).locator("#password")).to_be_visible()


def test_staying_signed_in_changes_nothing(stack: Stack, phones: Phones, visitor: Visitor) -> None:
    hint_of(visitor, phones)
    tab = visitor.open(f"{stack.auth}/logout")
    tab.click("#cancel")
    expect(tab.locator("#still-signed-in")).to_be_visible()
    expect(visitor.open(phones.app().client.begin_sign_in()).locator("#continue")).to_be_visible()
