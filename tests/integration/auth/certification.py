"""The part of a certification suite: a client of config/certification.yaml, its user, and a scripted browser."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt

from services.auth.keys.key_ring import parse_key_ring
from services.auth.provisioning.apply import apply_configuration
from services.auth.provisioning.parse import parse_configuration
from services.auth.storage.configuration import SqlConfigurationStore
from shared.config_file import load_config
from shared.database import Database
from shared.testing import SettableClock
from tests.integration.auth.provider import Browser, Provider, answer_of, basic
from tests.integration.auth.seeds import ENCRYPTION_KEY, HTTPS_ISSUER, ROOT

FILE = ROOT / "config" / "certification.yaml"
URL = "https://localhost:8444/test/a/company-sso"
USER = ("certification", "certify-every-standard-claim")


def apply(database: Database, *, write: bool = True, **variables: str) -> list[str]:
    """Do what `services.auth apply config/certification.yaml` does, with these variables; return the changes."""
    configuration = parse_configuration(load_config(FILE, variables), local=True)
    keys = parse_key_ring(ENCRYPTION_KEY, "AUTH_KEY_ENCRYPTION_KEYS")
    with database.unit_of_work() as db:
        now = SettableClock().now()
        return apply_configuration(SqlConfigurationStore(db), configuration, keys=keys, write=write, now=now)


@dataclass
class Suite:
    """One client of the file, and one browser."""

    provider: Provider
    browser: Browser
    name: str = "first"

    @property
    def client_id(self) -> str:
        return f"certification-{self.name}"

    @property
    def secret(self) -> str:
        return f"certification-secret-for-local-use-only-{self.name}"

    @property
    def redirect_uri(self) -> str:
        return f"{URL}/callback?dummy1=lorem&dummy2=ipsum" if self.name == "second" else f"{URL}/callback"

    def as_client(self, name: str) -> "Suite":
        """Return the suite as another client, in the same browser."""
        return Suite(self.provider, self.browser, name)

    def request(self, **changes: str | None) -> dict[str, str]:
        """Return an authorization request as most modules send it: without PKCE."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(96),
            "nonce": secrets.token_urlsafe(288),
            **changes,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def open(self, request: dict[str, str]) -> httpx2.Response:
        """Send the browser with the request; return the page that it stops at, or the redirect to the client."""
        return self.browser.follow(self.browser.http.get("/authorize", params=request))

    def sign_in(self, page: httpx2.Response) -> httpx2.Response:
        """Fill in the login page."""
        assert 'id="login"' in page.text, page.text
        return self.browser.enter_password(page, USER)

    def arrive(self, response: httpx2.Response, request: dict[str, str]) -> dict[str, str]:
        """Check what every answer must be, and return its parameters."""
        location = response.headers["location"]
        expected = request["redirect_uri"]
        assert location.startswith(expected + ("&" if "?" in expected else "?")), location
        answer = answer_of(response)
        assert answer["iss"] == HTTPS_ISSUER and answer.get("state") == request.get("state")
        if "error" in answer:
            allowed = {"error", "error_description", "error_uri", "state", "iss", "dummy1", "dummy2"}
            assert set(answer) <= allowed
            assert not set(answer.get("error_description", "")) & set('"\\') and location.isascii()
        return answer

    def code(self, **changes: str | None) -> tuple[str, dict[str, str]]:
        """Sign in with a browser that may have a session, and return the code and its request."""
        request = self.request(**changes)
        response = self.open(request)
        if response.status_code == 200 and 'id="login"' in response.text:
            response = self.sign_in(response)
        if response.status_code == 200 and 'id="allow"' in response.text:
            response = self.browser.submit(response, action="allow")
        return self.arrive(response, request)["code"], request

    def token(self, form: dict[str, str]) -> httpx2.Response:
        """Post to /token with this client's way to authenticate."""
        if self.name == "post":
            return self.provider.post("/token", {**form, "client_id": self.client_id, "client_secret": self.secret})
        return self.provider.post("/token", form, Authorization=basic(self.client_id, self.secret))

    def redeem(self, code: str, **more: str) -> dict[str, Any]:
        """Redeem the code and check the answer's shape."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri, **more}
        return self.tokens_of(self.token(form))

    def tokens_of(self, response: httpx2.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        assert response.headers["cache-control"] == "no-store"
        body: dict[str, Any] = response.json()
        assert body["token_type"].lower() == "bearer" and body["expires_in"] > 0
        return body

    def flow(self, **changes: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Go through the whole flow; return the token response and the claims of the verified ID token."""
        code, request = self.code(**changes)
        tokens = self.redeem(code)
        return tokens, self.verified(tokens["id_token"], request.get("nonce"))

    def verified(self, id_token: str, nonce: str | None) -> dict[str, Any]:
        """Verify as a relying party does, and return the claims."""
        header = jwt.get_unverified_header(id_token)
        keys = self.provider.http.get("/.well-known/jwks.json").json()["keys"]
        (jwk,) = [key for key in keys if key["kid"] == header["kid"]]
        assert header["alg"] == "RS256"
        # the provider's clock is the test's: moments are compared below
        required = ["iss", "sub", "aud", "exp", "iat"]
        claims: dict[str, Any] = jwt.decode(
            id_token,
            jwt.PyJWK(jwk).key,
            algorithms=["RS256"],
            audience=self.client_id,
            issuer=HTTPS_ISSUER,
            options={"verify_exp": False, "verify_iat": False, "require": required},
        )
        now = self.provider.clock.now().timestamp()
        assert claims["iat"] <= now < claims["exp"] and claims["aud"] == self.client_id
        assert claims.get("nonce") == nonce
        ours = {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "sid", "jti"}
        assert set(claims) <= ours, "a claim that nobody asked for is a warning"
        assert not {None, ""} & {value for value in claims.values() if isinstance(value, str | None)}
        return claims
