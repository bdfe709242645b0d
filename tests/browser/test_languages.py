"""Languages, passwords that are shown, waits that are counted down: what a person does with the pages.

Policy: ADR-0122, ADR-0124
"""

import pytest
from playwright.sync_api import expect

from mobile.simulator import ALICE
from services.auth.language import gettext, speaking
from services.auth.language.tags import LANGUAGES
from tests.browser.conftest import NewVisitor
from tests.browser.shown_pages import PAGES, show_login
from tests.browser.visitor import Visitor, sign_in
from tests.e2e.phones import Phones

#: Pages with the longest words, and with the most of them.
_LOOKED_AT = ("forgot", "consent", "logout", "error-cookies", "home")


@pytest.mark.parametrize("language", [tag for tag in LANGUAGES if tag != "en"])
def test_a_person_without_a_script_chooses_a_language_and_signs_in_in_it(
    language: str, new_visitor: NewVisitor, phones: Phones
) -> None:
    visitor = new_visitor(javascript=False)
    tab = show_login(visitor, phones)
    tab.click(f"#languages a[hreflang={language}]")
    expect(tab.locator("html")).to_have_attribute("lang", language)
    with speaking(language):
        expect(tab.locator("#sign-in")).to_have_text(gettext("Sign in"))
    expect(tab.locator("#languages strong")).to_have_text(LANGUAGES[language])
    sign_in(tab, ALICE, phones.clock)
    tab.goto(f"{phones.stack.auth}/")
    expect(tab.locator("html")).to_have_attribute("lang", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_is_too_wide_for_a_small_phone_or_for_large_text(
    language: str, new_visitor: NewVisitor, phones: Phones
) -> None:
    for name in _LOOKED_AT:
        visitor = new_visitor()
        visitor.context.set_extra_http_headers({"Accept-Language": language})
        tab = PAGES[name][0](visitor, phones)
        assert tab.get_attribute("html", "lang") == language
        for width, size in ((320, "100%"), (390, "200%"), (1280, "200%")):
            tab.set_viewport_size({"width": width, "height": 700})
            tab.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, f"{name} {width} {size}"


def test_a_password_is_shown_on_demand_and_sent_as_a_password(visitor: Visitor, phones: Phones) -> None:
    tab = show_login(visitor, phones)
    field, button = tab.locator("#password"), tab.locator("#show-password")
    expect(button).to_have_accessible_name("Show password")
    tab.fill("#username", ALICE.username)
    field.fill("a wrong one")
    button.click()
    expect(field).to_have_attribute("type", "text")
    expect(field).to_be_focused()
    expect(button).to_have_text("Hide")
    expect(button).to_have_accessible_name("Hide password")
    tab.evaluate("document.forms[0].addEventListener('submit', (event) => event.preventDefault())")
    tab.click("#sign-in")
    expect(field).to_have_attribute("type", "password")


def test_without_a_script_nobody_is_offered_what_needs_one(new_visitor: NewVisitor, phones: Phones) -> None:
    tab = show_login(new_visitor(javascript=False), phones)
    expect(tab.locator("#show-password")).to_be_hidden()


def test_a_wait_is_counted_down_and_ends_with_a_word(visitor: Visitor, phones: Phones) -> None:
    visitor.context.set_extra_http_headers({"Accept-Language": "de"})
    tab = visitor.context.new_page()
    tab.clock.install()
    tab.goto(f"{phones.stack.auth}/styleguide")
    alert = tab.locator("[data-wait]")
    tab.clock.run_for(31_000)
    expect(alert).to_contain_text("in 59 Sekunden.")
    expect(alert).to_have_attribute("aria-live", "off")
    tab.clock.run_for(60_000)
    with speaking("de"):
        expect(alert).to_have_text(gettext("You can try again now."))
    expect(alert).to_have_attribute("aria-live", "polite")


def test_the_style_guide_shows_the_components(visitor: Visitor, phones: Phones) -> None:
    tab = visitor.open(f"{phones.stack.auth}/styleguide")
    for shown in ("[role=alert]", ".note", "button.primary", "button.secondary", "button.quiet", ".swatches"):
        expect(tab.locator(shown).first).to_be_visible()


def test_a_page_on_paper_is_its_content(visitor: Visitor, phones: Phones) -> None:
    tab = show_login(visitor, phones)
    tab.emulate_media(media="print")
    expect(tab.locator("h1")).to_be_visible()
    for left_out in tab.locator("footer, form").all():
        expect(left_out).to_be_hidden()
