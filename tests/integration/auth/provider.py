"""auth in this process, over HTTP: the provider, browsers that visit it, and the app that redeems codes.

Every test gets a database of its own, copied from one that is seeded once (seeds.py).
"""

import base64
import html
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, quote_plus, urlsplit

import httpx2
import jwt
import pyotp
from sqlalchemy import select, text
from starlette.testclient import TestClient

from services.auth.app import create_app
from services.auth.audit import Refusal
from services.auth.endpoints.web.context import AuthContext
from services.auth.endpoints.web.dispatch import Dispatch
from services.auth.settings import AuthSettings
from services.auth.storage.tables import audit_events
from shared.asgi import Edge
from shared.clock import Clock
from shared.database import Database
from shared.testing import SettableClock
from tests.integration.auth.seeds import (
    ALICE,
    BOBS_TOTP,
    CRM,
    DEEP_LINK,
    PARTNER,
    PARTNER_CALLBACK,
    PARTNER_SECRET,
    REQUEST,
    VERIFIER,
    seeded_file,
    settings_for,
)


@dataclass
class Provider:
    """The running provider, its database, and its clock, which stands still until a test moves it."""

    settings: AuthSettings
    clock: SettableClock
    app: Edge
    database: Database
    http: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.http = self._client()

    def _client(self, network: str = "192.0.2.1", agent: str = "Phone/1") -> TestClient:
        headers = {"User-Agent": agent}
        client = (network, 40000)
        return TestClient(
            self.app, base_url=self.settings.issuer, follow_redirects=False, client=client, headers=headers
        )

    @property
    def context(self) -> AuthContext:
        """What the endpoints are given."""
        return cast("Dispatch", self.app._app).context

    def restarted(self, **changes: Any) -> "Provider":
        """Return another process on the same database, with other settings."""
        return start_on(self.settings.database_url, self.settings.data_dir, self.clock, **changes)

    def browser(self, network: str = "192.0.2.1", agent: str = "Phone/1") -> "Browser":
        """Return a browser without cookies."""
        return Browser(self, self._client(network, agent))

    def post(self, path: str, data: Mapping[str, Any], **headers: str) -> httpx2.Response:
        """Post a form as an app does: without cookies."""
        self.http.cookies.clear()
        return self.http.post(path, data=dict(data), headers={k.replace("_", "-"): v for k, v in headers.items()})

    def redeem(self, code: str, **changes: str | None) -> httpx2.Response:
        """Redeem a code as mobile-app; a change to None leaves the parameter out."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": "mobile-app",
            "redirect_uri": DEEP_LINK,
            "code_verifier": VERIFIER,
        }
        return self.post("/token", _changed(form, changes))

    def refresh(self, refresh_token: str, *, agent: str = "Phone/1", **changes: str | None) -> httpx2.Response:
        """Refresh as mobile-app."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": "mobile-app"}
        return self.post("/token", _changed(form, changes), User_Agent=agent)

    def machine(self, client_id: str = "reports-job", **form: Any) -> httpx2.Response:
        """Ask for a token as a seeded confidential client, by default for itself."""
        return self.post("/token", {"grant_type": "client_credentials", **form}, Authorization=seeded_basic(client_id))

    def exchange(self, access_token: str, **changes: Any) -> httpx2.Response:
        """Trade a caller's token for one of crm, as orders-api does; a change to None leaves the parameter out."""
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": access_token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "resource": CRM,
        }
        return self.post("/token", _changed(form, changes), Authorization=seeded_basic("orders-api"))

    def introspect(self, token: Any, *, by: str = "crm-api", **form: Any) -> httpx2.Response:
        """Ask about a token as an API does."""
        return self.post("/introspect", {"token": token, **form}, Authorization=seeded_basic(by))

    def redeem_as_partner(self, code: str, **changes: str | None) -> httpx2.Response:
        """Redeem a code as partner-web."""
        partner = {"client_id": "partner-web", "client_secret": PARTNER_SECRET, "redirect_uri": PARTNER_CALLBACK}
        return self.redeem(code, **{**partner, **changes})

    def push(self, **changes: str | None) -> httpx2.Response:
        """Push an authorization request as partner-web."""
        form = {**REQUEST, **PARTNER, "client_secret": PARTNER_SECRET}
        return self.post("/par", _changed(form, changes))

    def userinfo(self, access_token: str) -> httpx2.Response:
        return self.http.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def sign_in(self, who: tuple[str, str] = ALICE, /, **changes: str | None) -> dict[str, Any]:
        """Sign in with a fresh browser, redeem the code, and return the token response."""
        answer = self.browser().sign_in(who, **changes)
        redeeming = {name: value for name, value in changes.items() if name in {"client_id", "redirect_uri"}}
        response = self.redeem(code_of(answer), **redeeming)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def events(self) -> list[str]:
        """Return the names of the audit events so far, oldest first, without the refusals of programs."""
        quiet = {*Refusal} - {Refusal.SIGN_IN_FAILED, Refusal.SECOND_FACTOR_FAILED}
        return [name for name in self.trail() if name not in quiet and not name.startswith(("page_", "redirect_"))]

    def trail(self) -> list[str]:
        """Return the names of all audit events so far, oldest first."""
        with self.database.autocommit() as db:
            return list(db.execute(select(audit_events.c.event).order_by(audit_events.c.id)).scalars())

    def sql(self, statement: str, **values: Any) -> None:
        """Change a row behind the provider's back."""
        with self.database.unit_of_work() as db:
            db.execute(text(statement), values)


@dataclass
class Browser:
    """One browser with its cookies."""

    provider: Provider
    http: TestClient

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.http.cookies.jar}

    def get(self, url: str) -> httpx2.Response:
        return self.http.get(url)

    def authorize(self, **changes: str | None) -> httpx2.Response:
        """Open an authorization link; nothing is followed."""
        return self.http.get("/authorize", params=_changed(REQUEST, changes))

    def follow(self, response: httpx2.Response) -> httpx2.Response:
        """Follow redirects for as long as they stay at the provider."""
        while response.status_code == 303 and response.headers["location"].startswith("/"):
            response = self.http.get(response.headers["location"])
        return response

    def open(self, **changes: str | None) -> httpx2.Response:
        """Open an authorization link and go to where the provider sends the browser."""
        return self.follow(self.authorize(**changes))

    def submit(self, page: httpx2.Response, **fields: str | None) -> httpx2.Response:
        """Send the page's form with these fields filled in, and follow; once more where a page asks for that."""
        answer = self.send(page, **fields)
        asks_once_more = 'name="intent" value="twice"' in answer.text and fields.get("action") in {"continue", "allow"}
        return self.send(answer, **fields) if asks_once_more and 'value="twice"' not in page.text else answer

    def send(self, page: httpx2.Response, **fields: str | None) -> httpx2.Response:
        """Send the page's form with these fields filled in once, and follow."""
        return self.follow(self.http.post(action_of(page), data=_changed(hidden_fields(page), fields)))

    def press(self, page: httpx2.Response, button: str) -> httpx2.Response:
        """Press a button of the page's form, and follow."""
        return self.submit(page, action=button)

    def enter_password(self, page: httpx2.Response, who: tuple[str, str]) -> httpx2.Response:
        return self.submit(page, username=who[0], password=who[1], action="sign-in")

    def enter_otp(self, page: httpx2.Response, otp: str | None = None) -> httpx2.Response:
        return self.submit(page, otp=otp or bobs_otp(self.provider.clock), action="verify")

    def sign_in(self, who: tuple[str, str] = ALICE, /, **changes: str | None) -> httpx2.Response:
        """Go from the link through password and, for bob, code, and return the answer to the client."""
        page = self.enter_password(self.open(**changes), who)
        return self.enter_otp(page) if who[0] == "bob" else page


def _changed(values: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def start(data: Path, clock: SettableClock, **changes: Any) -> Provider:
    """Start a provider on a fresh SQLite database; `changes` are settings."""
    file = data / "auth.sqlite3"
    shutil.copyfile(seeded_file(), file)
    return start_on(f"sqlite:///{file}", data, clock, **changes)


def start_on(url: str, data: Path, clock: SettableClock, **changes: Any) -> Provider:
    """Start a provider on a database that is seeded already."""
    settings = settings_for(data, url, **changes)
    return Provider(settings, clock, Edge(create_app(settings, clock=clock), body_limit=65_536), Database(url))


def basic(client_id: str, secret: str) -> str:
    """Return the header of client_secret_basic, both halves form-encoded (RFC 6749 s2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def seeded_basic(client_id: str) -> str:
    """Return the header of a confidential client of the local seeds."""
    return basic(client_id, f"{client_id}-secret-for-local-use-only")


def bobs_otp(clock: Clock) -> str:
    """Return the code that bob's app shows now."""
    return pyotp.TOTP(BOBS_TOTP).at(clock.now())


def hidden_fields(page: httpx2.Response) -> dict[str, str]:
    """Return the hidden fields of the page's form."""
    assert page.headers["content-type"].startswith("text/html"), (page.status_code, page.headers)
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in found}


def action_of(page: httpx2.Response) -> str:
    found = re.search(r'<form [^>]*action="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def error_of(page: httpx2.Response) -> str:
    """Return the sentence of the page's alert."""
    found = re.search(r'<p id="error" role="alert"[^>]*>([^<]*)</p>', page.text)
    assert found, page.text
    return html.unescape(found[1])


def says_signed_in(page: httpx2.Response) -> bool:
    """Report whether this is the page of a finished sign-in, with a link back to the client."""
    return page.status_code == 200 and 'id="signed-in"' in page.text and 'id="back-to-app"' in page.text


def oauth_error(response: httpx2.Response, status: int = 400) -> str:
    """Return the error of a JSON refusal (RFC 6749 s5.2)."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) == {"error", "error_description"}
    return str(response.json()["error"])


def answer_of(response: httpx2.Response) -> dict[str, str]:
    """Return the parameters that a redirect brings to the client."""
    assert response.status_code == 303, (response.status_code, response.text)
    return dict(parse_qsl(urlsplit(response.headers["location"]).query, keep_blank_values=True))


def code_of(response: httpx2.Response) -> str:
    return answer_of(response)["code"]


def claims_of(token: str) -> dict[str, Any]:
    """Return a JWT's claims, its signature unchecked."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims
