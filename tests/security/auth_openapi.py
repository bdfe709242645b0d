"""An OpenAPI description of auth's endpoints for the fuzz: production serves none, since every one has its own RFC.

Each parameter has a value that takes the request on its way (`default`), so that a wrong one is met deep inside too.
"""

from collections.abc import Mapping
from typing import Any

from services.auth.app import ENDPOINTS
from services.auth.endpoints.web.endpoint import Kind
from tests.integration.auth.seeds import CHALLENGE, CRM, DEEP_LINK, SCOPE, VERIFIER

_AUTHORIZE = {
    "response_type": "code",
    "client_id": "mobile-app",
    "redirect_uri": DEEP_LINK,
    "scope": SCOPE,
    "state": "a state",
    "nonce": "a nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "response_mode": "query",
    "prompt": "login",
    "max_age": "600",
    "login_hint": "alice",
    "id_token_hint": "",
    "acr_values": "urn:company:acr:1fa",
    "claims": "",
    "ui_locales": "en",
    "claims_locales": "en",
    "display": "page",
    "resource": "http://localhost:9001",
    "request": "",
    "request_uri": "",
}
_CLIENT = {"client_id": "mobile-app", "client_secret": "", "client_assertion": "", "client_assertion_type": ""}
_TOKEN = {
    "grant_type": "authorization_code",
    **_CLIENT,
    "code": "x",
    "redirect_uri": DEEP_LINK,
    "code_verifier": VERIFIER,
    "refresh_token": "x",
    "scope": "",
    "resource": "",
    "subject_token": "",
    "subject_token_type": "",
    "requested_token_type": "",
    "actor_token": "",
    "audience": "",
}
_STEP = {"request": "handle", "csrf": "csrf", "action": "continue", "session": "", "intent": ""}

#: Method and path: the parameters (in the query of a GET, the form of a POST) with a value each.
_DESCRIBED: dict[tuple[str, str], Mapping[str, str]] = {
    ("get", "/"): {},
    ("get", "/authorize"): {**_AUTHORIZE, "restart": ""},
    ("post", "/authorize"): {**_AUTHORIZE, "response_mode": "form_post", "prompt": "none"},
    ("post", "/par"): {**_AUTHORIZE, **_CLIENT},
    ("post", "/token"): _TOKEN,
    ("post", "/revoke"): {"token": "x", "token_type_hint": "refresh_token", **_CLIENT},
    ("post", "/introspect"): {"token": "x", "token_type_hint": "access_token", **_CLIENT},
    ("get", "/userinfo"): {"access_token": ""},
    ("post", "/userinfo"): {"access_token": "x"},
    ("get", "/login"): {"request": "handle"},
    ("post", "/login"): {**_STEP, "username": "alice", "password": "wrong", "credential": "{}", "action": "passkey"},
    ("post", "/passkey"): {**_STEP, "purpose": "sign_in"},
    ("get", "/.well-known/webauthn"): {},
    ("get", "/mfa"): {"request": "handle", "with": "recovery-code"},
    ("post", "/mfa"): {**_STEP, "otp": "123456", "recovery-code": "", "action": "verify"},
    ("get", "/continue"): {"request": "handle", "once": "more"},
    ("post", "/continue"): _STEP,
    ("get", "/consent"): {"request": "handle"},
    ("post", "/consent"): {**_STEP, "action": "allow"},
    ("post", "/device_authorization"): {"scope": "openid", "resource": CRM, **_CLIENT},
    ("get", "/device"): {"user_code": "BCDF-GHJK", "done": "", "error": ""},
    ("post", "/device"): {"user-code": "BCDF-GHJK", "action": "confirm-code"},
    ("get", "/invitation"): {"token": "t" * 43},
    ("post", "/invitation"): {"token": "t" * 43, "csrf": "csrf", "action": "accept"},
    ("get", "/forgot"): {},
    ("get", "/styleguide"): {},
    ("post", "/forgot"): {"email": "alice", "csrf": "csrf", "action": "send-link"},
    ("get", "/reset"): {"token": "t" * 43},
    ("post", "/reset"): {"token": "t" * 43, "csrf": "csrf", "new-password": "wrong", "action": "set-password"},
    ("get", "/account"): {"done": "x", "error": ""},
    ("get", "/account/passkeys"): {"done": "x", "error": ""},
    ("post", "/account/passkeys"): {
        "csrf": "csrf",
        "purpose": "registration",
        "action": "add-passkey",
        "credential": "{}",
    },
    ("get", "/account/sign-in-methods"): {"done": "x", "error": ""},
    ("get", "/account/profile"): {"done": "x"},
    ("post", "/account/profile"): {"csrf": "csrf", "display-name": "Alice", "action": "save-name"},
    ("get", "/account/email"): {"done": "x"},
    ("post", "/account/email"): {"csrf": "csrf", "email": "alice@company.example", "action": "send-verification"},
    ("get", "/account/lost-phone"): {},
    ("post", "/account/lost-phone"): {"csrf": "csrf", "action": "confirm-lost-phone"},
    ("get", "/verify-address"): {"token": "t" * 43},
    ("post", "/verify-address"): {"token": "t" * 43, "csrf": "csrf", "action": "confirm-address"},
    ("get", "/.well-known/change-password"): {},
    ("get", "/.well-known/security.txt"): {},
    ("get", "/account/authenticator"): {},
    ("post", "/account/authenticator"): {"csrf": "csrf", "otp": "123456", "action": "confirm-totp"},
    ("get", "/account/authenticator/remove"): {},
    ("post", "/account/authenticator/remove"): {"csrf": "csrf", "current-password": "x", "action": "remove-totp"},
    ("get", "/account/recovery-codes"): {},
    ("post", "/account/recovery-codes"): {"csrf": "csrf", "action": "make-codes"},
    ("get", "/account/password"): {},
    ("post", "/account/password"): {
        "csrf": "csrf",
        "current-password": "x",
        "new-password": "x",
        "action": "change-password",
    },
    ("get", "/account/sessions"): {"done": "x"},
    ("post", "/account/sessions"): {"csrf": "csrf", "id": "x", "action": "end"},
    ("get", "/account/devices"): {"done": "x"},
    ("post", "/account/devices"): {"csrf": "csrf", "id": "x", "action": "end"},
    ("get", "/account/apps"): {"done": "x"},
    ("post", "/account/apps"): {"csrf": "csrf", "id": "x", "action": "withdraw"},
    ("get", "/account/activity"): {"before": "x"},
    ("get", "/logout"): {
        "id_token_hint": "",
        "logout_hint": "",
        "client_id": "mobile-app",
        "post_logout_redirect_uri": DEEP_LINK,
        "state": "a state",
        "ui_locales": "en",
    },
    ("post", "/logout"): {
        "id_token_hint": "",
        "client_id": "mobile-app",
        "post_logout_redirect_uri": DEEP_LINK,
        "state": "a state",
        "csrf": "csrf",
        "request": "handle",
        "action": "confirm-logout",
        "everywhere": "",
    },
    ("get", "/status/{shard}"): {},
    ("get", "/.well-known/openid-configuration"): {},
    ("get", "/.well-known/oauth-authorization-server"): {},
    ("get", "/.well-known/jwks.json"): {},
    ("get", "/.well-known/assetlinks.json"): {},
    ("get", "/.well-known/apple-app-site-association"): {},
    ("get", "/livez"): {},
    ("get", "/readyz"): {},
    ("get", "/metrics"): {},
}
HEADERS = ("Authorization", "Origin", "If-None-Match", "Accept", "X-Forwarded-For", "Sec-Fetch-Site")
COOKIES = ("SSO_SESSION", "SSO_BROWSER", "SSO_DEVICE")


_SHARED = {("get", "/livez"), ("get", "/readyz"), ("get", "/metrics")}
BUILT = {
    (method.lower(), endpoint.path) for endpoint in ENDPOINTS for method in endpoint.handlers if method != "HEAD"
} | _SHARED
FORMS = {key: _DESCRIBED[key] for key in sorted(BUILT)}
_KINDS = {endpoint.path: endpoint.kind for endpoint in ENDPOINTS}


def format_of(path: str) -> str:
    """Return in which form an endpoint says no: `page`, `oauth`, `challenge` or `problem`."""
    kind = _KINDS.get(path, Kind.DOCUMENT)
    if path == "/userinfo":
        return "challenge"
    return {Kind.PAGE: "page", Kind.JSON: "oauth", Kind.DOCUMENT: "problem"}[kind]


def document() -> dict[str, Any]:
    """Return the description."""
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), parameters in FORMS.items():
        operation: dict[str, Any] = {"responses": {"200": {"description": "an answer"}}}
        operation["parameters"] = [_parameter(name, "header") for name in HEADERS]
        operation["parameters"] += [_parameter(name, "cookie") for name in COOKIES]
        if "{shard}" in path:
            shard = {"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 1}]}
            operation["parameters"].append({"name": "shard", "in": "path", "required": True, "schema": shard})
        properties = {name: _schema(value) for name, value in parameters.items()}
        if method == "get":
            operation["parameters"] += [
                {"name": name, "in": "query", "schema": schema} for name, schema in properties.items()
            ]
        else:
            form = {"type": "object", "properties": properties, "required": list(properties)}
            operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": form}}}
        paths.setdefault(path, {})[method] = operation
    return {"openapi": "3.1.0", "info": {"title": "auth", "version": "1"}, "paths": paths}


def _schema(value: str) -> dict[str, Any]:
    return {"anyOf": [{"enum": [value]}, {"type": "string"}]}


def _parameter(name: str, where: str) -> dict[str, Any]:
    return {"name": name, "in": where, "schema": {"type": "string"}}
