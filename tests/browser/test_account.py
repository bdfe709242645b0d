"""The account in a real browser: by the keyboard alone, and without JavaScript."""

from playwright.sync_api import Page, expect

from mobile.simulator import ALICE
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor, give_password
from tests.e2e.phones import Phones


def open_account(visitor: Visitor, phones: Phones, path: str = "/account") -> Page:
    tab = visitor.open(f"{phones.stack.auth}{path}")
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("main.account h1")).to_be_visible()
    return tab


def tab_to(page: Page, selector: str) -> None:
    """Press the tabulator until this element has the focus, as somebody does who has no mouse."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"{selector} is not reached by the keyboard")


def test_without_a_script_a_person_ends_a_browser_and_all_others(new_visitor: NewVisitor, phones: Phones) -> None:
    other = open_account(new_visitor(), phones)
    tab = open_account(new_visitor(javascript=False), phones, "/account/sessions")
    tab.locator('#sessions button[value="end"]').first.click()
    expect(tab.locator("#done")).to_have_text("That browser is signed out.")
    other.reload()
    expect(other.locator("#username")).to_be_visible()
    tab.click("#end-others")
    expect(tab.locator("#done")).to_have_text("Everything but this browser is signed out.")
    expect(tab.locator('#sessions button[value="end"]')).to_have_count(0)
    tab.goto(f"{phones.stack.auth}/account")
    for label in ("Profile", "Sign-in methods", "Browsers", "Apps on your devices", "Connected applications"):
        tab.get_by_role("link", name=label, exact=True).first.click()
        expect(tab.locator("h1")).to_have_text(label)
        tab.goto(f"{phones.stack.auth}/account")


def test_by_the_keyboard_alone_a_person_gets_to_every_page_and_ends_everything_else(
    new_visitor: NewVisitor, phones: Phones
) -> None:
    other = open_account(new_visitor(), phones)
    tab = open_account(new_visitor(), phones)
    for path in ("/account/profile", "/account/activity"):
        tab_to(tab, f'nav a[href="{path}"]')
        with tab.expect_navigation():
            tab.keyboard.press("Enter")
        expect(tab.locator("nav [aria-current=page]")).to_have_count(1)
        tab.goto(f"{phones.stack.auth}/account")
    tab_to(tab, "#lost-phone")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    expect(tab.locator("#confirm-lost-phone:not([aria-disabled])")).to_be_visible()
    tab_to(tab, "#confirm-lost-phone")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    expect(tab.locator("#done")).to_contain_text("Everything else is signed out")
    other.reload()
    expect(other.locator("#username")).to_be_visible()
    tab.goto(f"{phones.stack.auth}/account/sessions")
    expect(tab.locator("#sessions > li")).to_have_count(1)
