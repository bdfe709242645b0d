"""How a person goes about the account pages on which they change their ways to sign in."""

import re

import httpx2
import pyotp
from sqlalchemy import select

from services.auth.storage.tables import browser_sessions, mails
from tests.integration.auth.account import sign_in_to
from tests.integration.auth.provider import Browser, Provider, hidden_fields
from tests.integration.auth.seeds import ALICE

APP = "/account/authenticator"
METHODS = "/account/sign-in-methods"
CODES = "/account/recovery-codes"
PASSWORD = "/account/password"
LONG = "a teapot and nine lives"


def page_of(browser: Browser, path: str, who: tuple[str, str] = ALICE) -> httpx2.Response:
    """Sign in to a page of the account, and return it."""
    sign_in_to(browser, path, who)
    return browser.get(path)


def secret_on(page: httpx2.Response) -> str:
    found = re.search(r'<code id="totp-secret">([A-Z2-7]{32})</code>', page.text)
    assert found is not None, page.text
    return found[1]


def codes_on(page: httpx2.Response) -> list[str]:
    return re.findall(r"<li><code>([0-9a-z-]{14})</code></li>", page.text)


def otp_of(provider: Provider, secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(provider.clock.now(), counter_offset=steps)


def post(browser: Browser, path: str, page: httpx2.Response, **fields: str) -> httpx2.Response:
    """Send a form of a page, and follow; an underscore stands for a hyphen in a field's name."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return browser.follow(browser.http.post(path, data={"csrf": hidden_fields(page)["csrf"], **named}))


def confirm(browser: Browser, page: httpx2.Response, otp: str) -> httpx2.Response:
    return post(browser, APP, page, otp=otp, action="confirm-totp")


def enrolled(browser: Browser) -> tuple[str, httpx2.Response]:
    """Set up an app for alice, and return its secret and the page of codes."""
    page = page_of(browser, APP)
    secret = secret_on(page)
    return secret, confirm(browser, page, otp_of(browser.provider, secret))


def alive(provider: Provider) -> int:
    with provider.database.autocommit() as db:
        return len(db.execute(select(browser_sessions.c.id).where(browser_sessions.c.ended_at.is_(None))).all())


def notices(provider: Provider) -> list[str]:
    """Return what was told by mail, without the notices of new browsers."""
    with provider.database.autocommit() as db:
        kinds = select(mails.c.kind).where(mails.c.kind != "new_device").order_by(mails.c.id)
        return list(db.execute(kinds).scalars())
