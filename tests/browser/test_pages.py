"""Every page of the sign-in, looked at: widths, colours, labels, and what the browser is told.

Spec: WCAG 2.2 (1.3.1, 1.4.3, 1.4.10, 1.4.11, 2.4.2, 3.1.1, 3.3.1), CSP Level 3
"""

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.shown_pages import PAGES, show_login
from tests.browser.visitor import Visitor
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

#: The pages that are typed into: on a phone half of the screen is the keyboard then.
WITH_A_KEYBOARD = {"login", "login-error", "throttled", "mfa", "mfa-error", "confirm"}


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
    is_error = name.startswith("error-")
    assert tab.locator("#error-code").count() == tab.locator("#request-id").count() == int(is_error)
    assert tab.title().startswith("Error: ") == (tab.locator("#error").count() == 1)
    assert tab.locator("main .primary").count() <= 1, "one primary action a page"

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
    if name in WITH_A_KEYBOARD:
        tab.set_viewport_size({"width": 390, "height": 400})
        tab.evaluate("scrollTo(0, 0)")
        primary = tab.locator("button.primary").bounding_box()
        assert primary is not None and primary["y"] + primary["height"] <= 400, f"{name}: its button is cut off"


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
    tab = show_login(visitor, phones)
    tab.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    tab.wait_for_function("document.images[0].complete")
    tab.evaluate("console.error('seen')")
    assert any(problem.startswith("policy violation: img-src") for problem in visitor.problems)
    assert "console: seen" in visitor.problems
    visitor.problems.clear()


def test_a_page_with_all_that_it_loads_is_small_and_is_painted_with_its_style_alone(
    visitor: Visitor, phones: Phones
) -> None:
    loaded: list[tuple[str, int]] = []
    visitor.context.on(
        "response",
        lambda answer: (
            loaded.append((answer.request.resource_type, len(answer.body()))) if answer.status == 200 else None
        ),
    )
    tab = show_login(visitor, phones)
    tab.wait_for_load_state("networkidle")
    kinds = [kind for kind, _ in loaded]
    assert kinds.count("document") == kinds.count("stylesheet") == 1
    assert set(kinds) <= {"document", "stylesheet", "script", "fetch"}
    assert tab.locator("script:not([defer])").count() == 0, "no script is waited for"
    assert sum(size for _, size in loaded) < 30_000


def _is_page(answer: Response) -> bool:
    return answer.request.is_navigation_request() and not 300 <= answer.status < 400


def _check_headers(headers: dict[str, str]) -> None:
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy and "style-src 'self'" in policy
    assert headers["cross-origin-opener-policy"] in {"same-origin", "unsafe-none"}  # which: tests/integration
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
    for box in tab.locator("input:not([type=hidden], [hidden])").all():
        assert box.evaluate("(input) => input.labels.length") == 1
        assert box.get_attribute("name") == box.get_attribute("id")
        assert box.get_attribute("autocomplete")
        described = (box.get_attribute("aria-describedby") or "").split()
        assert set(described) <= set(ids) and ("error" in described) == ("error" in ids)
    for button in tab.locator("button.reveal").all():  # a script's alone: it sends nothing
        assert button.get_attribute("type") == "button"
        assert button.inner_text().strip() in (button.get_attribute("aria-label") or ""), "the name has what is seen"
    for button in tab.locator("button:not(.reveal)").all():
        assert button.inner_text().strip()
        does, value = button.get_attribute("id"), button.get_attribute("value")
        if does is None:  # one of many like it, each with its row: the row's name tells them apart
            assert value in {"end", "withdraw", "remove"} and ": " in (button.get_attribute("aria-label") or "")
        assert (button.get_attribute("name"), value) == ("action", does or value)
    assert tab.locator("script:not([src])").count() == tab.locator("style").count() == 0
    assert tab.locator("[style]").count() == 0
