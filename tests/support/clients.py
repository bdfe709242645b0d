"""Clients and APIs for tests: the bare value that a test changes, and entries of a configuration file."""

from typing import Any

from services.auth.clients.client import Client
from services.auth.clients.registration import PublicJwk

#: A public native client that may sign people in, and nothing else.
CLIENT = Client(
    client_id="app",
    name="App",
    application_type="native",
    auth_method="none",
    grant_types=frozenset({"authorization_code"}),
    redirect_uris=(),
    scopes=frozenset({"openid"}),
    first_party=False,
    allow_undotted_scheme=False,
    always_continue=False,
    require_pkce=True,
    require_mfa=False,
    require_pushed_authorization_requests=False,
    id_token_profile_claims=False,
    default_max_age=None,
    assertion_keys=(),
    assertion_algorithm=None,
    assertion_audience="issuer",
    post_logout_redirect_uris=(),
    backchannel_logout_uri=None,
    allowed_origins=(),
    logo_uri=None,
    policy_uri=None,
    tos_uri=None,
    android_package_name=None,
    android_sha256_cert_fingerprints=(),
    apple_app_ids=(),
    dpop_bound_access_tokens=None,
    access_token_lifetime=None,
    refresh_retry_window=None,
    refresh_idle_lifetime=None,
    refresh_absolute_lifetime=None,
    resource_identifiers=(),
    introspection=False,
    exchange_targets=(),
    secret_hashes=(),
    disabled_at=None,
)

SECRET = "a-secret-of-its-own-of-32-characters"
NATIVE_ENTRY: dict[str, Any] = {
    "client_id": "app",
    "client_name": "App",
    "application_type": "native",
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "redirect_uris": ["com.example.app:/callback"],
    "scope": "openid",
}
WEB_ENTRY: dict[str, Any] = {
    **NATIVE_ENTRY,
    "application_type": "web",
    "token_endpoint_auth_method": "client_secret_basic",
    "client_secret": SECRET,
    "redirect_uris": ["https://app.example/callback"],
}
JOB_ENTRY: dict[str, Any] = {
    **WEB_ENTRY,
    "grant_types": ["client_credentials"],
    "response_types": [],
    "redirect_uris": [],
    "scope": "",
}


def api_entry(identifier: str, name: str, *scopes: str, **changes: dict[str, Any]) -> dict[str, Any]:
    """Return an API of a configuration file; `changes` are members of a scope, by its name with _ for each colon."""
    return {
        "identifier": identifier,
        "name": name,
        "scopes": [{"name": scope, "description": "", **changes.get(scope.replace(":", "_"), {})} for scope in scopes],
    }


def public_key(jwk: dict[str, Any]) -> PublicJwk:
    """Return the key of a registration."""
    known = {"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"}
    members: dict[str, Any] = dict.fromkeys(known) | {name: value for name, value in jwk.items() if name in known}
    return PublicJwk(**members)
