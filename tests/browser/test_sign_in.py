"""The sign-in in a real Chromium, from the app's link to the app's deep link."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from mobile.authorization import Callback
from mobile.errors import SignInRefused
from mobile.loopback import LoopbackReceiver
from mobile.simulator import ALICE, BOB, CAROL, Person
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor, give_password, sign_in
from tests.e2e.phones import SUBJECTS, Phones, tokens_of
from tests.support.browser import capture_deep_link
from tests.support.stack import Stack


@pytest.mark.parametrize("redirect_uri", ["myapp://callback", "com.company.myapp:/callback"])
def test_the_deep_link_reaches_the_app(stack: Stack, phones: Phones, visitor: Visitor, redirect_uri: str) -> None:
    app = phones.app(redirect_uri=redirect_uri)
    tab = visitor.open(app.client.begin_sign_in())
    link = sign_in(tab, ALICE, phones.clock, scheme=redirect_uri.partition(":")[0])
    assert link.startswith(f"{redirect_uri}?code=")
    assert app.client.finish_sign_in(link).claims["sub"] == SUBJECTS["alice"]
    assert app.client.get(f"{stack.crm}/api/contacts").status_code == 200
    assert app.client.get(f"{stack.orders}/api/orders").status_code == 200
    session = visitor.cookies()["SSO_SESSION"]
    assert (session["httpOnly"], session["sameSite"], session["path"]) == (True, "Lax", "/")
    assert session["domain"] == "localhost"  # of this host alone


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_loopback_port_reaches_the_app(phones: Phones, visitor: Visitor, host: str) -> None:
    app = phones.app(redirect_uri=f"http://{host}/callback")
    with LoopbackReceiver(f"http://{host}/callback", app.client.expects) as receiver:
        visitor.origins.add(receiver.redirect_uri.removesuffix("/callback"))
        tab = visitor.open(app.client.begin_sign_in(receiver.redirect_uri))
        give_password(tab, ALICE)
        tab.click("#sign-in")
        link = receiver.wait(timedelta(seconds=20))
        expect(tab.get_by_text("You may close this window")).to_be_visible()

        # back: the pages of a finished sign-in are gone, and not kept by the browser
        tab.go_back()
        expect(tab.locator("#signed-in")).to_be_visible()
        expect(tab.locator("#password")).to_have_count(0)
    assert app.client.finish_sign_in(link).claims["sub"] == SUBJECTS["alice"]


def test_with_a_second_factor(phones: Phones, visitor: Visitor) -> None:
    app = phones.app()
    phones.await_new_code(BOB)
    tab = visitor.open(app.client.begin_sign_in())
    give_password(tab, BOB)
    tab.click("#sign-in")
    expect(tab.locator("#otp")).to_be_focused()
    assert "SSO_SESSION" not in visitor.cookies()
    tab.fill("#otp", "000 000")
    tab.click("#verify")
    expect(tab.locator("#error")).to_have_text("The code is wrong or was used before.")
    expect(tab.locator("#otp")).to_be_focused()
    code = BOB.one_time_code(phones.clock)
    tab.fill("#otp", f"{code[:3]} {code[3:]}")  # as authenticators show it
    link = capture_deep_link(tab, lambda: tab.click("#verify"))
    assert app.client.finish_sign_in(link).claims["acr"] == "urn:company:acr:mfa"


def test_a_second_visit_asks_for_no_password(phones: Phones, visitor: Visitor) -> None:
    first, second = phones.app(), phones.app()
    sign_in(visitor.open(first.client.begin_sign_in()), ALICE, phones.clock)
    tab = visitor.open(second.client.begin_sign_in())
    expect(tab.get_by_role("heading")).to_have_text("Continue as Alice Liddell?")
    expect(tab.locator("input:not([type=hidden])")).to_have_count(0)
    link = capture_deep_link(tab, lambda: tab.click("#continue"))
    assert second.client.finish_sign_in(link).claims["sub"] == SUBJECTS["alice"]


def test_use_another_account(phones: Phones, visitor: Visitor) -> None:
    first, second, third = phones.app(), phones.app(), phones.app()
    sign_in(visitor.open(first.client.begin_sign_in()), ALICE, phones.clock)
    tab = visitor.open(second.client.begin_sign_in())
    tab.click("#other-account")
    link = sign_in(tab, CAROL, phones.clock)
    assert second.client.finish_sign_in(link).claims["sub"] == SUBJECTS["carol"]
    tab = visitor.open(third.client.begin_sign_in())
    expect(tab.get_by_role("heading")).to_have_text("Continue as Carol Ledger?")


@pytest.mark.parametrize("step", ["login", "mfa", "continue"])
def test_cancel_goes_back_to_the_app(phones: Phones, visitor: Visitor, step: str) -> None:
    app = phones.app()
    if step == "continue":
        sign_in(visitor.open(phones.app().client.begin_sign_in()), ALICE, phones.clock)
    tab = visitor.open(app.client.begin_sign_in())
    if step == "mfa":
        give_password(tab, BOB)
        tab.click("#sign-in")
    expect(tab).to_have_url(f"{phones.stack.auth}/{step}?request={tab.url.rpartition('=')[2]}")
    link = capture_deep_link(tab, lambda: tab.click("#cancel"))  # the empty required fields are no obstacle
    assert Callback.parse(link).parameters["error"] == "access_denied"
    with pytest.raises(SignInRefused):
        app.client.finish_sign_in(link)


def test_a_wrong_password_can_be_corrected(phones: Phones, visitor: Visitor) -> None:
    app = phones.app()
    tab = visitor.open(app.client.begin_sign_in())
    tab.fill("#username", "alice")
    tab.fill("#password", "not-her-password")
    tab.click("#sign-in")
    expect(tab.get_by_role("alert")).to_have_text("The user name or the password is wrong.")
    expect(tab.locator("#username")).to_have_value("alice")
    expect(tab.locator("#password")).to_have_value("")
    expect(tab.locator("#password")).to_be_focused()
    tab.fill("#password", ALICE.password)
    link = capture_deep_link(tab, lambda: tab.press("#password", "Enter"))
    app.client.finish_sign_in(link)


def test_two_tabs_at_once(phones: Phones, visitor: Visitor) -> None:
    first, second = phones.app(), phones.app()
    tabs = [visitor.open(app.client.begin_sign_in()) for app in (first, second)]
    links = [sign_in(tab, ALICE, phones.clock) for tab in tabs]
    sids = {app.client.finish_sign_in(link).claims["sid"] for app, link in zip((first, second), links, strict=True)}
    assert len(sids) == 1  # the same person again: the same session
    first.client.refresh()


def test_a_tab_never_goes_on_as_somebody_whom_it_did_not_name(phones: Phones, visitor: Visitor) -> None:
    app, other = phones.app(), phones.app()
    sign_in(visitor.open(phones.app().client.begin_sign_in()), ALICE, phones.clock)
    tab = visitor.open(app.client.begin_sign_in())
    expect(tab.get_by_role("heading")).to_have_text("Continue as Alice Liddell?")
    elsewhere = visitor.open(other.client.begin_sign_in())
    elsewhere.click("#other-account")
    sign_in(elsewhere, CAROL, phones.clock)
    tab.click("#continue")
    expect(tab.get_by_role("heading")).to_have_text("Continue as Carol Ledger?")
    link = capture_deep_link(tab, lambda: tab.click("#continue"))
    assert app.client.finish_sign_in(link).claims["sub"] == SUBJECTS["carol"]


def test_a_finished_form_cannot_be_sent_again(phones: Phones, visitor: Visitor) -> None:
    app = phones.app()
    tab = visitor.open(app.client.begin_sign_in())
    address = tab.url
    link = sign_in(tab, ALICE, phones.clock)
    app.client.finish_sign_in(link)
    again = visitor.open(address)
    expect(again.locator("#signed-in")).to_be_visible()
    expect(again.locator("#password")).to_have_count(0)
    app.client.refresh()


def test_a_link_begun_in_one_browser_cannot_be_finished_in_another(phones: Phones, new_visitor: NewVisitor) -> None:
    app, victim, attacker = phones.app(), new_visitor(), new_visitor()
    begun = attacker.open(app.client.begin_sign_in())
    sign_in(victim.open(phones.app().client.begin_sign_in()), CAROL, phones.clock)
    for path in ("login", "authorize", "continue", "mfa"):
        sent = victim.open(begun.url.replace("/login?", f"/{path}?"))
        expect(sent.locator("#error")).to_have_text("This sign-in was started in another browser.")
    link = sign_in(begun, ALICE, phones.clock)  # for its own browser nothing has changed
    assert app.client.finish_sign_in(link).claims["sub"] == SUBJECTS["alice"]


def test_a_cross_site_post_to_authorize_finds_the_session(phones: Phones, visitor: Visitor) -> None:
    sign_in(visitor.open(phones.app().client.begin_sign_in()), ALICE, phones.clock)
    app = phones.app()
    address, _, query = app.client.begin_sign_in().partition("?")
    tab = visitor.context.new_page()
    tab.set_content(f'<form method="post" action="{address}"></form>')  # of an opaque origin: foreign to everybody
    tab.evaluate(
        """(query) => {
            const form = document.forms[0];
            for (const [name, value] of new URLSearchParams(query)) {
                const input = document.createElement("input");
                Object.assign(input, { type: "hidden", name, value });
                form.append(input);
            }
            form.submit();
        }""",
        query,
    )
    expect(tab.get_by_role("heading")).to_have_text("Continue as Alice Liddell?")
    link = capture_deep_link(tab, lambda: tab.click("#continue"))
    app.client.finish_sign_in(link)


@pytest.mark.parametrize("who", [ALICE, BOB], ids=lambda who: who.username)
def test_without_javascript(phones: Phones, new_visitor: NewVisitor, who: Person) -> None:
    visitor = new_visitor(javascript=False)
    app, again = phones.app(), phones.app()
    phones.await_new_code(who)
    link = sign_in(visitor.open(app.client.begin_sign_in()), who, phones.clock)
    app.client.finish_sign_in(link)
    tab = visitor.open(again.client.begin_sign_in())
    tab.click("#continue")
    expect(tab.get_by_role("status")).to_contain_text("One more click")
    link = capture_deep_link(tab, lambda: tab.click("#continue"))
    assert again.client.finish_sign_in(link).claims["sub"] == SUBJECTS[who.username]


def test_with_the_keyboard_alone(phones: Phones, visitor: Visitor) -> None:
    app, again = phones.app(), phones.app()
    phones.await_new_code(BOB)
    tab = visitor.open(app.client.begin_sign_in())
    order = []
    for _ in range(7):
        order.append(tab.evaluate("document.activeElement.id"))
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        tab.keyboard.press("Tab")
    assert order[:4] == ["username", "password", "show-password", "sign-in"]
    assert "cancel" in order
    tab.focus("#username")
    tab.keyboard.type(BOB.username)
    tab.keyboard.press("Tab")
    tab.keyboard.type(BOB.password)
    tab.keyboard.press("Enter")  # the first button of a form is its Enter: signing in, not cancelling
    expect(tab.locator("#otp")).to_be_focused()
    tab.keyboard.type(BOB.one_time_code(phones.clock))
    link = capture_deep_link(tab, lambda: tab.keyboard.press("Enter"))
    app.client.finish_sign_in(link)

    tab = visitor.open(again.client.begin_sign_in())
    tab.keyboard.press("Tab")
    expect(tab.locator("#continue")).to_be_focused()
    expect(tab.locator("#continue")).to_be_enabled()  # after half a second in front
    link = capture_deep_link(tab, lambda: tab.keyboard.press("Space"))
    again.client.finish_sign_in(link)
    assert tokens_of(again).claims["sub"] == SUBJECTS["bob"]
