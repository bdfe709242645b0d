"""auth in this process, over HTTP: the provider, browsers that visit it, and the app that redeems codes.

Every test gets a database of its own, copied from one that is seeded once: config/local.yaml and the clients below.
"""

import atexit
import base64
import functools
import hashlib
import html
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import jwt
import pyotp
from sqlalchemy import select, text
from starlette.testclient import TestClient

from services.auth.app import create_app
from services.auth.configuration import apply_configuration, parse_configuration
from services.auth.keys.key_ring import parse_key_ring
from services.auth.keys.key_set import load_key_set
from services.auth.settings import AuthSettings
from services.auth.storage import stores_on
from services.auth.storage.configuration import SqlConfigurationStore
from services.auth.storage.tables import audit_events
from shared.asgi import Edge
from shared.clock import Clock
from shared.config_file import load_config
from shared.database import Database
from shared.testing import SettableClock
from tests.support.databases import migrated

ROOT = Path(__file__).parents[3]
HTTP_ISSUER, HTTPS_ISSUER = "http://localhost:9000", "https://auth.company.example"
#: Keys of 32 bytes for tests alone.
ENCRYPTION_KEY, MAC_KEY = (base64.urlsafe_b64encode(bytes([n]) * 32).decode().rstrip("=") for n in (7, 8))

ALICE, BOB = ("alice", "wonderland-tea-party"), ("bob", "builder-yes-we-can")
CAROL = ("carol", "carol-keeps-the-books")
BOBS_TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

DEEP_LINK, LOOPBACK = "myapp://callback", "http://127.0.0.1:49152/callback"
APP_LINK = "https://app.company.localhost/callback"
VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-00"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SCOPE = "openid profile email offline_access crm:read crm:write orders:read"
CRM, ORDERS = "http://localhost:9001", "http://localhost:9002"

PORTAL_SECRET = "portal: +% s\u00e9cret & \u00e4nough characters"
#: Clients that the local seeds have no need of.
MORE_CLIENTS: list[dict[str, Any]] = [
    {
        "client_id": "other-app",
        "client_name": "Other <b>App</b>",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["com.example.other:/callback", "https://other.company.localhost/callback"],
        "scope": "openid offline_access crm:read",
        "first_party": True,
    },
    {
        "client_id": "portal",
        "client_name": "Portal",
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": PORTAL_SECRET,
        "also_allow_client_secret_post": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://portal.company.localhost/callback?tenant=1"],
        "scope": "openid offline_access crm:read",
        "first_party": True,
        "require_pkce": False,
    },
    {
        "client_id": "strict-app",
        "client_name": "Strict",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://strict.company.localhost/callback"],
        "scope": "openid offline_access crm:read",
        "first_party": True,
        "access_token_lifetime": 60,
        "refresh_retry_window": 0,
        "refresh_idle_lifetime": 3600,
        "refresh_absolute_lifetime": 7200,
    },
]


def settings_for(data: Path, url: str, **changes: Any) -> AuthSettings:
    """Return local settings with the keys of tests."""
    values = {
        "environment": "local",
        "data_dir": data,
        "database_url": url,
        "issuer": HTTP_ISSUER,
        "key_encryption_keys": ENCRYPTION_KEY,
        "refresh_mac_keys": MAC_KEY,
        **changes,
    }
    return AuthSettings(**values)


def seed(database: Database) -> None:
    """Bring an empty database to the local seeds, the clients above and a first signing key."""
    content = load_config(ROOT / "config" / "local.yaml")
    content["clients"] += MORE_CLIENTS
    ring, now = parse_key_ring(ENCRYPTION_KEY, "AUTH_KEY_ENCRYPTION_KEYS"), SettableClock().now()
    configuration = parse_configuration(content, local=True)
    with database.unit_of_work() as db:
        apply_configuration(SqlConfigurationStore(db), configuration, keys=ring, write=True, now=now)
        load_key_set(stores_on(db).signing_keys, ring, bits=2048, now=now)


@functools.cache
def _seeded_file() -> Path:
    directory = tempfile.mkdtemp(prefix="sso-auth-seeded-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    file = Path(directory) / "auth.sqlite3"
    database = migrated("auth", f"sqlite:///{file}")
    seed(database)
    database.dispose()  # the last connection writes the WAL back into the one file
    return file


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

    def userinfo(self, access_token: str) -> httpx2.Response:
        return self.http.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def sign_in(self, who: tuple[str, str] = ALICE, **changes: str | None) -> dict[str, Any]:
        """Sign in with a fresh browser, redeem the code, and return the token response."""
        answer = self.browser().sign_in(who, **changes)
        redeeming = {name: value for name, value in changes.items() if name in {"client_id", "redirect_uri"}}
        response = self.redeem(code_of(answer), **redeeming)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def events(self) -> list[str]:
        """Return the names of the audit events so far, oldest first."""
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
        """Send the page's form with these fields filled in, and follow."""
        return self.follow(self.http.post(action_of(page), data=_changed(hidden_fields(page), fields)))

    def enter_password(self, page: httpx2.Response, who: tuple[str, str]) -> httpx2.Response:
        return self.submit(page, username=who[0], password=who[1], action="sign-in")

    def enter_otp(self, page: httpx2.Response, otp: str | None = None) -> httpx2.Response:
        return self.submit(page, otp=otp or bobs_otp(self.provider.clock), action="verify")

    def sign_in(self, who: tuple[str, str] = ALICE, **changes: str | None) -> httpx2.Response:
        """Go from the link through password and, for bob, code, and return the answer to the client."""
        page = self.enter_password(self.open(**changes), who)
        return self.enter_otp(page) if who[0] == "bob" else page


REQUEST = {
    "response_type": "code",
    "client_id": "mobile-app",
    "redirect_uri": DEEP_LINK,
    "scope": SCOPE,
    "state": "a state",
    "nonce": "a nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def _changed(values: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def start(data: Path, clock: SettableClock, **changes: Any) -> Provider:
    """Start a provider on a fresh SQLite database; `changes` are settings."""
    file = data / "auth.sqlite3"
    shutil.copyfile(_seeded_file(), file)
    return start_on(f"sqlite:///{file}", data, clock, **changes)


def start_on(url: str, data: Path, clock: SettableClock, **changes: Any) -> Provider:
    """Start a provider on a database that is seeded already."""
    settings = settings_for(data, url, **changes)
    return Provider(settings, clock, Edge(create_app(settings, clock=clock), body_limit=65_536), Database(url))


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
    found = re.search(r'<p id="error" role="alert">([^<]*)</p>', page.text)
    assert found, page.text
    return html.unescape(found[1])


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
