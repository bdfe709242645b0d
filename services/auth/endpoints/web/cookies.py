"""The cookies of a browser, and the CSRF token that is bound to one of them.

Policy: ADR-0007; Spec: RFC 6265bis (`__Host-`), OWASP ASVS 3.3
    SSO_SESSION  the browser session; new at every authentication
    SSO_BROWSER  which browser this is, before anybody signs in; waiting requests and CSRF tokens are bound to it
                 (SSO_BROWSER_<request>: the same for a request that was begun before the browser had that cookie: two
                 tabs that are opened at once get one each, whichever of the two answers the browser keeps)
    SSO_DEVICE   this browser has signed in before: a secret for each user who did; gives it failure budgets of its own
Only this site's own pages ever get them: with TLS each is `__Host-`, Secure, HttpOnly, Lax, without a Domain.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.known_devices import DEVICE_LIFETIME, LONGEST_COOKIE, DeviceSecrets
from services.auth.authorization.sign_in_steps import Browser
from services.auth.endpoints.web.context import context_of, origin_of
from services.auth.opaque_token import LENGTH, b64url, digest

SESSION = "SSO_SESSION"
BROWSER = "SSO_BROWSER"
DEVICE = "SSO_DEVICE"


@dataclass(frozen=True, repr=False)
class Cookies:
    """The cookies that a request brought; None: it did not. They are written as this context's settings demand."""

    session: str | None
    browser: str | None
    device: str | None
    #: Of requests that began without the browser's own: its value by `_tag`.
    of_requests: Mapping[str, str]
    secure: bool
    session_lifetime: timedelta

    @property
    def none(self) -> bool:
        """Whether the browser sent nothing of ours, as one does that refuses cookies."""
        return not (self.session or self.browser or self.device or self.of_requests)

    def of_request(self, handle: str) -> str | None:
        """Return what the waiting request with this handle is bound to, if it is this browser's."""
        return self.of_requests.get(_tag(handle)) or self.browser

    def set_session(self, response: Response, value: str) -> None:
        self._set(response, SESSION, value, self.session_lifetime)

    def clear_session(self, response: Response) -> None:
        """Let the browser forget a session that is over."""
        self._set(response, SESSION, "", timedelta(0))

    def bind(self, response: Response, handle: str, value: str, lifetime: timedelta) -> None:
        """Let a browser that has nothing of this request keep `value`: as its own, and for this request.

        A second tab may be on its way, whose answer replaces the browser's own.
        """
        if self.of_request(handle) is None:
            self._set(response, BROWSER, value, None)
            self._set(response, f"{BROWSER}_{_tag(handle)}", value, lifetime)

    def introduce(self, response: Response, value: str) -> None:
        """Let a browser that has no cookie of its own keep `value`, before anything of it waits."""
        if self.browser is None:
            self._set(response, BROWSER, value, None)

    def set_device(self, response: Response, value: str) -> None:
        self._set(response, DEVICE, value, DEVICE_LIFETIME)

    def _set(self, response: Response, name: str, value: str, lifetime: timedelta | None) -> None:
        response.set_cookie(
            f"__Host-{name}" if self.secure else name,
            value,
            max_age=None if lifetime is None else int(lifetime.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )


def cookies_of(http: Request) -> Cookies:
    """Read the cookies of a request; with TLS only the `__Host-` names count."""
    settings = context_of(http).settings
    prefix = "__Host-" if settings.secure else ""
    sent = _sent_cookies(http)
    ours = {name: value for name, value in sent.items() if len(value) == LENGTH}  # another one is none
    session, browser = (ours.get(prefix + name) for name in (SESSION, BROWSER))
    start = f"{prefix}{BROWSER}_"
    of_requests = {name.removeprefix(start): value for name, value in ours.items() if name.startswith(start)}
    device = sent.get(prefix + DEVICE)
    return Cookies(session, browser, device, of_requests, settings.secure, settings.session_absolute_lifetime)


def _tag(handle: str) -> str:
    """Return what names a request in a cookie's name, and gives nothing away."""
    return digest(handle).hex()[:16]


def _sent_cookies(http: Request) -> dict[str, str]:
    """Return the cookies whose value is no shorter or longer than those of ours; of several with one name, the last.

    Read here and not by the standard library, which takes 17 seconds for 60 kB of backslashes (CVE-2024-7592): ours are
    never quoted.
    """
    lines = http.headers.getlist("cookie")
    pairs = (pair.partition("=") for line in lines for pair in line.split(";") if len(pair) > LENGTH)
    return {name.strip(): value.strip() for name, _, value in pairs if LENGTH <= len(value.strip()) <= LONGEST_COOKIE}


def browser_of(http: Request, cookies: Cookies, browser_cookie: str) -> Browser:
    """Return who is asking, as the features know a browser: by digests."""
    return Browser(
        browser_hash=digest(browser_cookie),
        session_hash=digest(cookies.session) if cookies.session else None,
        devices=DeviceSecrets.of_cookie(cookies.device),
        origin=origin_of(http),
    )


def csrf_token(browser_cookie: str, handle: str) -> str:
    """Return the token of a form of one waiting request: nobody makes it without this browser's cookie."""
    return b64url(hmac.digest(browser_cookie.encode(), b"csrf:" + handle.encode(), "sha256"))


def csrf_token_fits(browser_cookie: str, handle: str, given: str | None) -> bool:
    """Compare in constant time."""
    return given is not None and hmac.compare_digest(csrf_token(browser_cookie, handle).encode(), given.encode())
