"""A real headless Chromium (the machine's own, never a download), deep links caught and pages looked at."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.support.missing import missing

#: A small phone, a phone, one whose keyboard is open, and a laptop: every page is looked at in each.
VIEWPORTS = ((320, 640), (390, 844), (390, 400), (1280, 800))
#: Below this height a picture shows what is in view without scrolling.
_KEYBOARD_OPEN = 500

#: Where `look` leaves its pictures, for a person to see.
SCREENSHOTS = Path(__file__).parents[2] / ".data" / "screenshots"

_FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def headless_chromium() -> Iterator[Browser]:
    """Start Chromium and yield it; skips the test where none is installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing("Chromium", "install it (Debian: apt-get install chromium)")
    with _driver() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def _driver() -> Iterator[Playwright]:
    try:
        playwright = sync_playwright().start()
    except Exception as error:  # noqa: BLE001 - no class of its own: a driver that cannot start just closes its pipe
        missing("Chromium's driver", f"{error}; it may lack a library (Debian: apt-get install libatomic1)")
    try:
        yield playwright
    finally:
        playwright.stop()


def capture_deep_link(page: Page, action: Callable[[], object], scheme: str = "myapp") -> str:
    """Do `action` (a click) and return the deep link that the page then opens: the phone's part of the flow.

    Chromium has no program for the scheme, so the navigation itself comes to nothing, and `page` stays.
    """
    with page.expect_request(lambda request: request.url.startswith(f"{scheme}:")) as opened:
        action()
    return opened.value.url


def look(page: Page, name: str) -> None:
    """Take a picture of the page at each of VIEWPORTS, and assert that nothing sticks out sideways."""
    before = page.viewport_size
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for width, height in VIEWPORTS:
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}x{height}.png", full_page=height > _KEYBOARD_OPEN)
        content: int = page.evaluate("document.documentElement.scrollWidth")
        assert content <= width, f"{name}: {content} pixels wide in a window of {width}"
    if before is not None:
        page.set_viewport_size(before)
