"""Relying parties of the tests of logout: how they sign in, and what became of a session."""

from typing import Any

import httpx2

from tests.integration.auth.logout_seeds import CALLBACK, RP, SECRET
from tests.integration.auth.provider import Browser, Provider, code_of
from tests.integration.auth.seeds import ALICE

CONFIRM, EVERYWHERE = {"action": "confirm-logout"}, {"action": "logout-everywhere"}


def sign_in(browser: Browser, client_id: str = RP, who: tuple[str, str] = ALICE) -> dict[str, Any]:
    """Sign in at a client, or go through silently with the browser's session, and return its tokens."""
    uri = f"https://{client_id}.example/callback"
    changes = {"client_id": client_id, "redirect_uri": uri, "scope": "openid offline_access crm:read"}
    page = browser.open(**changes)
    if page.status_code == 303:
        answer = page
    else:
        asked = 'id="continue"' in page.text
        answer = browser.press(page, "continue") if asked else browser.enter_password(page, who)
    secret = None if client_id == "rp-app" else SECRET
    response = browser.provider.redeem(code_of(answer), client_id=client_id, redirect_uri=uri, client_secret=secret)
    assert response.status_code == 200, response.text
    return dict(response.json())


def signed_in(browser: Browser) -> bool:
    """Say whether the browser's session still answers without a page (prompt=none)."""
    answer = browser.authorize(client_id=RP, redirect_uri=CALLBACK, scope="openid", prompt="none")
    assert answer.status_code == 303
    return "code=" in answer.headers["location"]


def queued(provider: Provider) -> list[str]:
    """Return the clients that are still to be told of a session's end."""
    with provider.database.autocommit() as db:
        rows = db.exec_driver_sql("SELECT client_id FROM logout_notices WHERE outcome IS NULL ORDER BY client_id")
        return [row[0] for row in rows]


def logout(browser: Browser, **parameters: str) -> httpx2.Response:
    return browser.http.get("/logout", params=parameters)


def asks(page: httpx2.Response) -> bool:
    assert page.status_code == 200, page.text
    return 'id="confirm-logout"' in page.text


def says_signed_out(page: httpx2.Response) -> bool:
    assert page.status_code == 200, page.text
    return 'id="logged-out"' in page.text
