"""Passkeys in the tests of the provider: given to somebody, asked for by a page's script, and sent by its form."""

from typing import Any

import httpx2
from sqlalchemy import select

from services.auth.accounts.passkey import Passkey
from services.auth.audit import Origin
from services.auth.authorization.passkey_registration import Holder, PasskeyRegistration
from services.auth.authorization.signed_in import find_signed_in
from services.auth.opaque_token import digest
from services.auth.storage.tables import passkeys
from tests.integration.auth.provider import Browser, Provider, hidden_fields
from tests.integration.auth.seeds import ALICE
from tests.support.authenticator import Authenticator


def registration_of(provider: Provider) -> PasskeyRegistration:
    sign_in = provider.context.passkey_sign_in
    assert sign_in is not None
    return PasskeyRegistration(provider.context.database, sign_in.party)


def holder_of(provider: Provider, browser: Browser) -> Holder:
    """Return who is signed in in this browser."""
    cookie = browser.cookies.get("SSO_SESSION") or browser.cookies["__Host-SSO_SESSION"]
    with provider.context.database.autocommit() as stores:
        signed_in = find_signed_in(stores, digest(cookie), provider.clock.now())
    assert signed_in is not None
    return Holder(signed_in.user, signed_in.session, Origin("192.0.2.1", "Phone/1"))


def give_passkey(
    provider: Provider, who: tuple[str, str] = ALICE, *, demanded: bool = True, **traits: Any
) -> Authenticator:
    """Return an authenticator that holds a passkey of somebody."""
    browser = provider.browser()
    browser.sign_in(who)
    holder, registration, now = holder_of(provider, browser), registration_of(provider), provider.clock.now()
    authenticator = Authenticator(provider.settings.issuer, **traits)
    answer = authenticator.create(registration.ask(holder, now, conditional=not demanded))
    added = registration.add(holder, answer, "Phone", now, conditional=not demanded)
    assert isinstance(added, Passkey), added
    return authenticator


def ask(browser: Browser, page: httpx2.Response, purpose: str = "sign_in") -> dict[str, Any]:
    """Ask for what the page's script would."""
    answer = browser.http.post("/passkey", data={**hidden_fields(page), "purpose": purpose})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


def use(
    browser: Browser, page: httpx2.Response, authenticator: Authenticator, purpose: str = "sign_in", **changes: Any
) -> httpx2.Response:
    """Ask, answer and send, as the page's script does."""
    return browser.submit(page, credential=authenticator.get(ask(browser, page, purpose), **changes), action="passkey")


def rows(provider: Provider) -> list[dict[str, Any]]:
    """Return the rows of passkeys, the oldest first."""
    with provider.database.autocommit() as db:
        return [dict(row) for row in db.execute(select(passkeys).order_by(passkeys.c.created_at)).mappings()]
