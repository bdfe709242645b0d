"""The seed's scenario over https: a real Chromium that trusts the CA, both APIs, refresh, revocation."""

from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page

from mobile.errors import SignInRequired
from mobile.simulator import ALICE, BOB, App, Person
from shared.clock import Clock
from tests.support.browser import capture_deep_link
from tests.support.compose import SERVICES, ComposeStack


@pytest.mark.parametrize("person", [ALICE, BOB], ids=lambda person: person.username)
def test_sign_in_call_refresh_and_revoke(
    compose: ComposeStack, install: Callable[[], App], page: Page, http: httpx2.Client, person: Person
) -> None:
    app = install()
    page.goto(app.client.begin_sign_in())
    assert page.url.startswith(f"{compose.url('auth')}/login?")
    page.fill("#username", person.username)
    page.fill("#password", person.password)
    if person.totp_secret is None:
        link = capture_deep_link(page, lambda: page.click("#sign-in"))
    else:
        page.click("#sign-in")
        page.fill("#otp", person.one_time_code(Clock()))
        link = capture_deep_link(page, lambda: page.click("#verify"))

    # __Host-: the browser itself has seen to it that they are Secure, of path / and of this host alone
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert "__Host-SSO_SESSION" in cookies
    for name, cookie in cookies.items():
        assert name.startswith("__Host-")
        assert (cookie["secure"], cookie["httpOnly"], cookie["path"]) == (True, True, "/")
        assert cookie["domain"] == f"auth.{compose.url('auth').split('auth.')[1].partition(':')[0]}"

    tokens = app.client.finish_sign_in(link)
    assert tokens.claims["iss"] == compose.url("auth")
    assert tokens.claims["acr"] == f"urn:company:acr:{'1fa' if person.totp_secret is None else 'mfa'}"
    assert app.client.get(f"{compose.url('crm')}/api/contacts").json()["items"]
    assert app.client.get(f"{compose.url('orders')}/api/orders").json()["items"]

    app.client.refresh()
    renewed = app.client.tokens()
    assert renewed is not None and renewed.refresh_token is not None
    assert renewed.access_token != tokens.access_token
    assert app.client.get(f"{compose.url('crm')}/api/contacts").status_code == 200

    app.client.sign_out()
    with pytest.raises(SignInRequired):
        app.client.refresh()
    revoked = {"grant_type": "refresh_token", "client_id": "mobile-app", "refresh_token": renewed.refresh_token}
    refused = http.post(f"{compose.url('auth')}/token", data=revoked)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_no_token_no_entry(compose: ComposeStack, http: httpx2.Client) -> None:
    for path in ("crm/api/contacts", "orders/api/orders"):
        service, _, rest = path.partition("/")
        answer = http.get(f"{compose.url(service)}/{rest}")
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_the_issuer_and_its_keys_are_the_same_from_inside_and_outside(
    compose: ComposeStack, http: httpx2.Client
) -> None:
    discovery, keys = (f"{compose.url('auth')}/.well-known/{name}" for name in ("openid-configuration", "jwks.json"))
    metadata = http.get(discovery).json()
    assert (metadata["issuer"], metadata["jwks_uri"]) == (compose.url("auth"), keys)
    for service in ("crm", "orders"):
        fetch = "import sys, urllib.request as r; sys.stdout.write(r.urlopen({!r}, timeout=10).read().decode())"
        assert compose.python(service, fetch.format(discovery)) == http.get(discovery).text
        assert compose.python(service, fetch.format(keys)) == http.get(keys).text


def test_every_service_is_ready(compose: ComposeStack, http: httpx2.Client) -> None:
    for service in SERVICES:
        assert http.get(f"{compose.url(service)}/readyz").json() == {"status": "ok"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_doctor_finds_nothing(compose: ComposeStack, service: str) -> None:
    done = compose.inside(service, "python", "-m", f"services.{service}", "doctor")
    assert done.returncode == 0, done.stdout
