"""How a person gets to see each page of ours, for those who look at them."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from mobile.simulator import ALICE, BOB
from tests.browser.device_pages import DEVICE_PAGES
from tests.browser.visitor import Visitor, give_password, sign_in
from tests.e2e.phones import Phones
from tests.support.browser import capture_deep_link

Show = Callable[[Visitor, Phones], Page]


def show_login(visitor: Visitor, phones: Phones) -> Page:
    return visitor.open(phones.app().client.begin_sign_in())


def _login_error(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    tab.fill("#username", "nobody-of-that-name")
    tab.fill("#password", "a wrong one")
    tab.click("#sign-in")
    expect(tab.locator("#error")).to_have_text("The user name or the password is wrong.")
    return tab


def _throttled(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    for _ in range(12):
        tab.fill("#username", "guessed-too-often")
        tab.fill("#password", "a wrong one")
        with tab.expect_navigation():
            tab.click("#sign-in")
        if "Too many attempts." in tab.inner_text("#error"):
            return tab
    pytest.fail("guessing is not slowed down")


def _mfa(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    give_password(tab, BOB)
    tab.click("#sign-in")
    expect(tab.locator("#otp")).to_be_visible()
    return tab


def _mfa_error(visitor: Visitor, phones: Phones) -> Page:
    tab = _mfa(visitor, phones)
    tab.fill("#otp", "000000")
    tab.click("#verify")
    expect(tab.locator("#error")).to_be_visible()
    return tab


def _continue(visitor: Visitor, phones: Phones) -> Page:
    sign_in(show_login(visitor, phones), ALICE, phones.clock)
    tab = show_login(visitor, phones)
    expect(tab.locator("#continue")).to_be_visible()
    return tab


def _logout(visitor: Visitor, phones: Phones) -> Page:
    sign_in(show_login(visitor, phones), ALICE, phones.clock)
    tab = visitor.open(f"{phones.stack.auth}/logout")
    expect(tab.locator("#confirm-logout")).to_be_visible()
    return tab


def _consent(visitor: Visitor, phones: Phones) -> Page:
    query = {
        "client_id": "partner-web",
        "redirect_uri": "http://localhost:9100/callback",
        "response_type": "code",
        "scope": "openid profile email offline_access crm:read orders:read",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    tab = visitor.open(f"{phones.stack.auth}/authorize?{urlencode(query)}")
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("#allow")).to_be_visible()
    return tab


def _confirm(visitor: Visitor, phones: Phones) -> Page:
    sign_in(show_login(visitor, phones), ALICE, phones.clock)
    tab = visitor.open(phones.app().client.begin_sign_in(prompt="login"))
    expect(tab.get_by_role("heading")).to_have_text("Confirm it is you")
    return tab


def _continue_once_more(visitor: Visitor, phones: Phones) -> Page:
    tab = _continue(visitor, phones)
    tab.goto(f"{tab.url}&once=more")
    return tab


def _finished(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    sign_in(tab, ALICE, phones.clock)
    expect(tab.locator("#signed-in")).to_be_visible()  # the page that was left shows what has become of it
    return tab


def _cancelled(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    capture_deep_link(tab, lambda: tab.click("#cancel"))
    expect(tab.locator("#not-signed-in")).to_be_visible()
    return tab


def _home_signed_in(visitor: Visitor, phones: Phones) -> Page:
    sign_in(show_login(visitor, phones), ALICE, phones.clock)
    return visitor.open(f"{phones.stack.auth}/")


def _account(path: str = "/account") -> Show:
    def show(visitor: Visitor, phones: Phones) -> Page:
        tab = visitor.open(f"{phones.stack.auth}{path}")
        give_password(tab, ALICE)
        tab.click("#sign-in")
        expect(tab.locator("main.account h1")).to_be_visible()
        return tab

    return show


def _mfa_by_recovery_code(visitor: Visitor, phones: Phones) -> Page:
    tab = _mfa(visitor, phones)
    tab.click("#use-recovery-code")
    expect(tab.get_by_role("heading")).to_have_text("No recovery codes are left")
    return tab


def _other_browser(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    address = tab.url
    visitor.context.clear_cookies()
    show_login(visitor, phones)
    return visitor.open(address)


def _cookies_refused(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    visitor.context.clear_cookies()
    return visitor.open(tab.url)


def _logout_unproven(visitor: Visitor, phones: Phones) -> Page:
    sign_in(show_login(visitor, phones), ALICE, phones.clock)
    back = "com.company.myapp:/signed-out"
    return visitor.open(f"{phones.stack.auth}/logout?client_id=mobile-app&post_logout_redirect_uri={back}")


def _signed_out(visitor: Visitor, phones: Phones) -> Page:
    tab = _logout(visitor, phones)
    tab.click("#confirm-logout")
    expect(tab.locator("#logged-out")).to_be_visible()
    return tab


def _logged_out_no_address(visitor: Visitor, phones: Phones) -> Page:
    tab = visitor.open(f"{phones.stack.auth}/logout?client_id=mobile-app")
    expect(tab.locator("#note")).to_contain_text("names no return address")
    return tab


def _bad_form(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    tab.evaluate("document.querySelector('[name=csrf]').value = 'x'")
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("#error-code")).to_be_visible()
    return tab


def _too_large(visitor: Visitor, phones: Phones) -> Page:
    tab = show_login(visitor, phones)
    tab.evaluate("document.querySelector('[name=csrf]').value = 'x'.repeat(70000)")
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("#error-code")).to_be_visible()
    return tab


def _refused(**changed: str | None) -> Show:
    """Return how to see the page that an authorization request gets with `changed` parameters (None: left out)."""

    def show(visitor: Visitor, phones: Phones) -> Page:
        good = {
            "client_id": "mobile-app",
            "redirect_uri": "myapp://callback",
            "response_type": "code",
            "scope": "openid",
            "code_challenge": "a" * 43,
            "code_challenge_method": "S256",
        }
        query = {name: value for name, value in {**good, **changed}.items() if value is not None}
        return visitor.open(f"{phones.stack.auth}/authorize?{urlencode(query)}")

    return show


def _at(address: str) -> Show:
    return lambda visitor, phones: visitor.open(f"{phones.stack.auth}{address}")


#: Each page, the status that it comes with, and the sentence of its #error.
PAGES: dict[str, tuple[Show, int, str | None]] = {
    "login": (show_login, 200, None),
    "login-error": (_login_error, 400, "The user name or the password is wrong."),
    "throttled": (_throttled, 429, None),
    "mfa": (_mfa, 200, None),
    "mfa-error": (_mfa_error, 400, "The code is wrong or was used before."),
    "mfa-recovery": (_mfa_by_recovery_code, 200, None),
    "continue": (_continue, 200, None),
    "logout": (_logout, 200, None),
    "logout-unproven": (_logout_unproven, 200, None),
    "logged-out": (_at("/logout"), 200, None),
    "logged-out-of-here": (_signed_out, 200, None),
    "logged-out-no-address": (_logged_out_no_address, 200, None),
    "confirm": (_confirm, 200, None),
    "continue-once-more": (_continue_once_more, 200, None),
    "finished": (_finished, 200, None),
    "cancelled": (_cancelled, 200, None),
    "home": (_at("/"), 200, None),
    "forgot": (_at("/forgot"), 200, None),
    "forgot-sent": (_at("/forgot?sent=1"), 200, None),
    "password-set": (_at("/reset?done=1"), 200, None),
    "home-signed-in": (_home_signed_in, 200, None),
    "consent": (_consent, 200, None),
    "account": (_account(), 200, None),
    **{
        f"account-{name}": (_account(f"/account/{name}"), 200, None)
        for name in (
            "profile",
            "email",
            "lost-phone",
            "authenticator",
            "password",
            "sign-in-methods",
            "sessions",
            "devices",
            "apps",
            "activity",
        )
    },
    **DEVICE_PAGES,
    "error-malformed": (_at("/authorize?client_id=%ff"), 400, "The request could not be read."),
    "error-repeated": (
        _at("/authorize?client_id=mobile-app&client_id=other"),
        400,
        "The request names its client or its return address twice.",
    ),
    "error-missing-client": (
        _refused(client_id=None),
        400,
        "The request does not say which application it comes from.",
    ),
    "error-unknown-client": (
        _refused(client_id="nobody"),
        400,
        "The application that sent you here is not known.",
    ),
    "error-missing-redirect-uri": (_refused(redirect_uri=None), 400, "The request does not say where to return to."),
    "error-unregistered-redirect-uri": (
        _refused(redirect_uri="https://evil.example/<script>"),
        400,
        "The return address is not registered for this application.",
    ),
    "error-no-request": (_at("/login"), 400, "This page belongs to a sign-in that an application has begun."),
    "error-request-unknown": (
        _at("/login?request=of-nobody"),
        400,
        "This sign-in is not known here, or it was left a long time ago.",
    ),
    "error-other-browser": (_other_browser, 400, "This sign-in was started in another browser."),
    "error-cookies": (
        _cookies_refused,
        400,
        "This browser sent no cookies, and signing in does not work without them.",
    ),
    "error-logout-unknown": (
        _at("/logout?request=of-nobody"),
        400,
        "This sign-out is not known here, or it was left a long time ago.",
    ),
    "error-pushed-request-over": (
        _at("/authorize?client_id=mobile-app&request_uri=urn:ietf:params:oauth:request_uri:unknown"),
        400,
        "The pushed request is unknown, has expired or was used before.",
    ),
    "error-bad-form": (_bad_form, 400, "This form has expired or was not sent from our own page."),
    "error-too-large": (_too_large, 413, "The request is too large."),
    "error-not-found": (_at("/no-such-page"), 404, "There is no such page."),
}
