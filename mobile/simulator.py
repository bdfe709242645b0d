"""A headless stand-in for a phone and its system browser, used against the REAL pages of a provider.

`SystemBrowser` keeps the cookies and fills in the forms, `Person` knows the secrets, `Phone` has one browser and any
number of apps. Elements are found by the ids that the contract promises, hidden fields are sent back as found, and the
redirect that leaves the browser for an app is caught. As in a browser, form-action applies to redirects, which tests
over plain HTTP would miss. It does not do JavaScript, SameSite or passkeys.

    phone = Phone(Registration(issuer, redirect_uri="myapp://callback"), tmp_path, clock)
    app = phone.install("one")
    app.sign_in(ALICE)
    app.client.get(f"{crm}/api/contacts")

Spec: RFC 8252 s4.1, RFC 6238
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2
import pyotp

from mobile.authorization import Registration
from mobile.challenge import StepUp
from mobile.client import MobileClient
from mobile.page import Page
from mobile.store import FileStore
from mobile.tokens import Tokens
from shared.clock import Clock

_MOST_STEPS = 20

#: How often a page may ask for the same: /continue may want one more click from a browser without scripts.
_MOST_TIMES = {"continue": 2}


class UnexpectedPage(Exception):
    """The browser shows a page that the person cannot continue from; the message says which."""

    def __init__(self, page: Page) -> None:
        self.page = page
        said = page.texts.get("error") or "no #error"
        super().__init__(f"{page.status} at {urlsplit(page.url).path}: {said} ({page.texts.get('error-code', '-')})")


class BlockedByBrowser(Exception):
    """A real browser would not have followed this redirect."""


@dataclass(frozen=True)
class DeepLink:
    """A redirect that left the browser for an app. It holds a code, so its repr does not show it."""

    url: str = field(repr=False)

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))

    def altered(self, **parameters: str | None) -> "DeepLink":
        """Return the link with `parameters` replaced, or removed (None): a wrong state, a wrong iss, another code."""
        kept = {name: value for name, value in {**self.parameters, **parameters}.items() if value is not None}
        return DeepLink(f"{self.url.partition('?')[0]}?{urlencode(kept)}")


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in. ALICE, BOB and CAROL are the seeded ones."""

    username: str
    password: str = field(repr=False)
    totp_secret: str | None = field(default=None, repr=False)

    def one_time_code(self, clock: Clock) -> str:
        """Return what the authenticator shows at this moment. Spec: RFC 6238"""
        return pyotp.TOTP(self.totp_secret or "").at(clock.now())


ALICE = Person("alice", "wonderland-tea-party")
BOB = Person("bob", "builder-yes-we-can", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
CAROL = Person("carol", "carol-keeps-the-books")


class SystemBrowser:
    """One browser: one cookie jar. `transport` may be a fault, or a resolver override."""

    def __init__(self, clock: Clock, transport: httpx2.BaseTransport | None = None) -> None:
        self.visited: list[str] = []  # path of every page shown, in order
        self._clock = clock
        self._http = httpx2.Client(transport=transport, trust_env=False, timeout=20, headers={"Accept": "text/html"})
        self._redirect_uri = ""

    @property
    def cookies(self) -> httpx2.Cookies:
        return self._http.cookies

    def open(self, url: str) -> Page | DeepLink:
        """Go to `url`, following redirects. At the redirect URI that it names, if any, an app takes over."""
        self._redirect_uri = dict(parse_qsl(urlsplit(url).query)).get("redirect_uri", self._redirect_uri)
        return self._go(self._http.build_request("GET", url), sender=None)

    def click(self, page: Page, element_id: str, **typed: str) -> Page | DeepLink:
        """Click the button or link `element_id`, having typed each text into the element with that id.

        Python names have no hyphen: `recovery_code=` is typed into `recovery-code`.
        """
        if element_id in page.links:
            return self.open(page.links[element_id])
        form, fields = page.fill({name.replace("_", "-"): text for name, text in typed.items()}, element_id)
        if form.method == "GET":
            return self._go(self._http.build_request("GET", form.action, params=fields), sender=page)
        # a page that sends no referrer makes its forms send `Origin: null` (Fetch, "append a request Origin header")
        silent = page.headers.get("referrer-policy") == "no-referrer"
        headers = {
            "Origin": "null" if silent else _origin(page.url),
            "Sec-Fetch-Site": "same-origin" if _origin(form.action) == _origin(page.url) else "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        }
        return self._go(self._http.build_request("POST", form.action, data=fields, headers=headers), sender=page)

    def sign_in(self, url: str, person: Person) -> DeepLink:
        """Open `url` and do what each page asks of `person`, until the browser leaves for the app.

        Raises:
            UnexpectedPage: a page asks for something else, shows an error, or asks the same again.
        """
        here = self.open(url)
        answered: Counter[str] = Counter()
        while isinstance(here, Page):
            step = next((step for step in ("login", "otp", "allow", "continue") if here.has(step)), None)
            if step is None or answered[step] == _MOST_TIMES.get(step, 1):
                raise UnexpectedPage(here)
            answered[step] += 1
            if step == "login":
                here = self.click(here, "sign-in", username=person.username, password=person.password)
            elif step == "otp":
                here = self.click(here, "verify", otp=person.one_time_code(self._clock))
            else:
                here = self.click(here, step)
        return here

    def follow(self, link: DeepLink) -> httpx2.Response:
        """Request a redirect's loopback address, as the browser would; a redirect from there is not followed."""
        return self._http.get(link.url)

    def close(self) -> None:
        self._http.close()

    def _go(self, request: httpx2.Request, sender: Page | None) -> Page | DeepLink:
        for _ in range(_MOST_STEPS):
            url = str(request.url)
            response = self._http.send(request, follow_redirects=False)
            if not response.has_redirect_location:
                page = Page.read(response)
                self.visited.append(urlsplit(page.url).path)
                return page
            if request.method == "POST" and response.status_code != 303:
                raise BlockedByBrowser(f"{urlsplit(url).path} answers a form with {response.status_code}, not 303")
            target = urljoin(url, response.headers["location"])
            if sender is not None and not sender.lets_forms_reach(target):
                raise BlockedByBrowser(f"form-action of {urlsplit(sender.url).path} forbids {target.partition('?')[0]}")
            if self._leaves(target):
                return DeepLink(target)
            request = self._http.build_request("GET", target)
        raise BlockedByBrowser("too many redirects")

    def _leaves(self, target: str) -> bool:
        return urlsplit(target).scheme not in {"http", "https"} or target.partition("?")[0] == self._redirect_uri


@dataclass
class App:
    """One app on a phone: its client, its store, and the browser that it shares with the others."""

    store: FileStore
    client: MobileClient
    browser: SystemBrowser

    def sign_in(self, person: Person, *, step_up: StepUp | None = None, **extra: str) -> Tokens:
        """Do the whole sign-in as `person`; `step_up` and `extra` as `MobileClient.begin_sign_in` takes them."""
        return self.client.finish_sign_in(self.redirect(person, step_up=step_up, **extra).url)

    def redirect(self, person: Person, *, step_up: StepUp | None = None, **extra: str) -> DeepLink:
        """Do the browser's part and return what reaches the app; the app has not read it yet."""
        return self.browser.sign_in(self.client.begin_sign_in(step_up=step_up, **extra), person)


class Phone:
    """One device: one system browser, and any number of apps, each with a store of its own.

    `transport` is the browser's network, a resolver override for instance; an app's own is given to `install`.
    """

    def __init__(
        self,
        registration: Registration,
        directory: Path,
        clock: Clock,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._registration = registration
        self._directory = directory
        self._clock = clock
        self._clients: list[httpx2.Client] = []
        self.browser = SystemBrowser(clock, transport)

    def install(
        self,
        name: str,
        transport: httpx2.BaseTransport | None = None,
        *,
        registration: Registration | None = None,
        store_class: type[FileStore] = FileStore,
    ) -> App:
        """Install an app; `transport` is its network (see `mobile.faults`). The same name again: the app restarted."""
        registered = registration or self._registration
        store = store_class(registered, self._directory / f"{name}.json")
        http = httpx2.Client(transport=transport, trust_env=False, timeout=20)
        self._clients.append(http)
        client = MobileClient(registered, store, http, self._clock)
        return App(store, client, self.browser)

    def close(self) -> None:
        for http in self._clients:
            http.close()
        self.browser.close()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
