"""Every page of the sign-in, looked at: widths, colours, labels, and what the browser is told.

Spec: WCAG 2.2 (1.3.1, 1.4.3, 1.4.10, 1.4.11, 2.4.2, 3.1.1, 3.3.1), CSP Level 3
"""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, Response, expect

from mobile.simulator import ALICE, BOB
from tests.browser.visitor import Visitor, give_password, sign_in
from tests.e2e.phones import Phones
from tests.support.browser import look

#: Text of normal size, and what shows where a control is.
TEXT_CONTRAST, CONTROL_CONTRAST = 4.5, 3.0

_WORST_CONTRAST = """
() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const shown = [...document.querySelectorAll("main *")].filter((element) => element.checkVisibility());
  const written = shown.filter((element) =>
    element.matches("input") || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const controls = shown.filter((element) => element.matches("input, button"));
  return {
    text: Math.min(...written.map((element) => ratio(parse(getComputedStyle(element).color), ground(element)))),
    controls: Math.min(21, ...controls.map((element) => Math.max(
      ratio(parse(getComputedStyle(element).borderTopColor), ground(element.parentElement)),
      ratio(ground(element), ground(element.parentElement))))),
  };
}
"""

Show = Callable[[Visitor, Phones], Page]


def _login(visitor: Visitor, phones: Phones) -> Page:
    return visitor.open(phones.app().client.begin_sign_in())


def _login_error(visitor: Visitor, phones: Phones) -> Page:
    tab = _login(visitor, phones)
    tab.fill("#username", "nobody-of-that-name")
    tab.fill("#password", "a wrong one")
    tab.click("#sign-in")
    expect(tab.locator("#error")).to_have_text("The user name or the password is wrong.")
    return tab


def _throttled(visitor: Visitor, phones: Phones) -> Page:
    tab = _login(visitor, phones)
    for _ in range(12):
        tab.fill("#username", "guessed-too-often")
        tab.fill("#password", "a wrong one")
        with tab.expect_navigation():
            tab.click("#sign-in")
        if "Too many attempts." in tab.inner_text("#error"):
            return tab
    pytest.fail("guessing is not slowed down")


def _mfa(visitor: Visitor, phones: Phones) -> Page:
    tab = _login(visitor, phones)
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
    sign_in(_login(visitor, phones), ALICE, phones.clock)
    tab = _login(visitor, phones)
    expect(tab.locator("#continue")).to_be_visible()
    return tab


def _logout(visitor: Visitor, phones: Phones) -> Page:
    sign_in(_login(visitor, phones), ALICE, phones.clock)
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


def _bad_form(visitor: Visitor, phones: Phones) -> Page:
    tab = _login(visitor, phones)
    tab.evaluate("document.querySelector('[name=csrf]').value = 'x'")
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("#error-code")).to_be_visible()
    return tab


def _too_large(visitor: Visitor, phones: Phones) -> Page:
    tab = _login(visitor, phones)
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
    "login": (_login, 200, None),
    "login-error": (_login_error, 400, "The user name or the password is wrong."),
    "throttled": (_throttled, 429, None),
    "mfa": (_mfa, 200, None),
    "mfa-error": (_mfa_error, 400, "The code is wrong or was used before."),
    "continue": (_continue, 200, None),
    "logout": (_logout, 200, None),
    "logged-out": (_at("/logout"), 200, None),
    "consent": (_consent, 200, None),
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
    "error-request-over": (
        _at("/login?request=of-another-browser"),
        400,
        "This sign-in has ended, has expired, or was started in another browser.",
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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fit_to_be_seen(name: str, visitor: Visitor, phones: Phones) -> None:
    show, status, sentence = PAGES[name]
    answers: list[Response] = []
    visitor.context.on("response", lambda answer: answers.append(answer) if _is_page(answer) else None)
    tab = show(visitor, phones)
    assert answers[-1].status == status
    _check_headers(answers[-1].headers)
    if sentence is not None:
        expect(tab.get_by_role("alert")).to_have_text(sentence)
        expect(tab.locator("#error")).to_have_text(sentence)
    assert (tab.locator("#error-code").count() == 1) == name.startswith("error-")

    _check_structure(tab)
    for colours in ("light", "dark"):
        tab.emulate_media(color_scheme=colours)
        worst = tab.evaluate(_WORST_CONTRAST)
        assert worst["text"] >= TEXT_CONTRAST, f"{name}, {colours}"
        assert worst["controls"] >= CONTROL_CONTRAST, f"{name}, {colours}"
        look(tab, f"{name}-{colours}")
    for width in (320, 390):
        tab.set_viewport_size({"width": width, "height": 640})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways at {width}"


def test_long_names_do_not_widen_a_page(visitor: Visitor, phones: Phones) -> None:
    tab = visitor.open(phones.app().client.begin_sign_in(login_hint="w" * 190))
    expect(tab.locator("#username")).to_have_value("w" * 190)
    tab.evaluate("document.querySelector('.lead strong').textContent = 'W'.repeat(80)")
    tab.set_viewport_size({"width": 320, "height": 640})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320


def test_no_page_lets_itself_be_framed(visitor: Visitor, phones: Phones) -> None:
    tab = visitor.context.new_page()
    with tab.expect_console_message(lambda message: "frame" in message.text.lower()):
        tab.set_content(f'<iframe src="{phones.app().client.begin_sign_in().replace("&", "&amp;")}"></iframe>')
    assert all(frame.locator("#login").count() == 0 for frame in tab.frames)
    visitor.problems.clear()  # that message was wanted


def test_the_watch_over_the_browser_works(visitor: Visitor, phones: Phones) -> None:
    tab = _login(visitor, phones)
    tab.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    tab.wait_for_function("document.images[0].complete")
    tab.evaluate("console.error('seen')")
    assert any(problem.startswith("policy violation: img-src") for problem in visitor.problems)
    assert "console: seen" in visitor.problems
    visitor.problems.clear()


def _is_page(answer: Response) -> bool:
    return answer.request.is_navigation_request() and not 300 <= answer.status < 400


def _check_headers(headers: dict[str, str]) -> None:
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy  # no script at all
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def _check_structure(tab: Page) -> None:
    """Check what a screen reader goes by."""
    assert tab.get_attribute("html", "lang") == "en"
    assert tab.title().endswith(" - Company") and not tab.title().startswith(" ")
    assert tab.locator("h1").count() == tab.locator("main").count() == 1
    ids: list[str] = tab.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))
    for box in tab.locator("input:not([type=hidden])").all():
        assert box.evaluate("(input) => input.labels.length") == 1
        assert box.get_attribute("name") == box.get_attribute("id")
        assert box.get_attribute("autocomplete")
        assert box.get_attribute("aria-describedby") == ("error" if "error" in ids else None)
    for button in tab.locator("button").all():
        assert button.inner_text().strip()
        assert (button.get_attribute("name"), button.get_attribute("value")) == ("action", button.get_attribute("id"))
    assert tab.locator("script").count() == 0
    assert tab.locator("[style]").count() == 0
