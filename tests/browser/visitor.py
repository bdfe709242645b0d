"""A person at a real browser, who notices what goes wrong behind the pages."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from mobile.simulator import Person
from shared.clock import Clock
from tests.support.browser import capture_deep_link

#: What Chromium itself says of a page with an error status, and of a deep link that no program here takes.
_EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of 4\d\d"
    r"|Failed to launch '[a-z.]+:[^']*' because the scheme does not have a registered handler"
    r"|Not allowed to launch '[a-z.]+:[^']*' because a user gesture is required"  # the second one of a double tap
)

_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  reportViolation(`${event.effectiveDirective} ${event.blockedURI}`));
"""


class Visitor:
    """One browser: a cookie jar of its own. Its console, its policy violations and its requests are watched."""

    def __init__(self, chromium: Browser, home: str, *, javascript: bool = True) -> None:
        self.problems: list[str] = []
        self.origins = {home}  # where its pages may send requests
        self.context: BrowserContext = chromium.new_context(java_script_enabled=javascript)
        self.context.set_default_timeout(10_000)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.problems.append(f"script error: {error.error}"))
        self.context.on("request", self._see)
        if javascript:
            self.context.expose_function(
                "reportViolation", lambda what: self.problems.append(f"policy violation: {what}")
            )
            self.context.add_init_script(_REPORT_VIOLATIONS)

    def open(self, url: str) -> Page:
        """Open `url` in a new tab: an old one may be covered by the question whether to open the app."""
        tab = self.context.new_page()
        tab.goto(url)
        return tab

    def cookies(self) -> dict[str, dict[str, object]]:
        return {str(cookie.get("name")): dict(cookie) for cookie in self.context.cookies()}

    def close(self) -> None:
        self.context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _EXPECTED.match(message.text):
            self.problems.append(f"console: {message.text}")

    def _see(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.problems.append(f"request to {request.url}")


def give_password(tab: Page, person: Person) -> None:
    """Fill the login form; the caller presses the button."""
    tab.fill("#username", person.username)
    tab.fill("#password", person.password)


def sign_in(tab: Page, person: Person, clock: Clock, *, scheme: str = "myapp") -> str:
    """Go through the pages as `person` and return the deep link."""
    give_password(tab, person)
    if person.totp_secret is None:
        return capture_deep_link(tab, lambda: tab.click("#sign-in"), scheme)
    tab.click("#sign-in")
    tab.fill("#otp", person.one_time_code(clock))
    return capture_deep_link(tab, lambda: tab.click("#verify"), scheme)
