"""Clients for the tests of logout: a relying party on the web, another one, and an app."""

from typing import Any

RP, OTHER_RP = "rp", "other-rp"
CALLBACK, BACK = "https://rp.example/callback", "https://rp.example/signed-out"
BACK_WITH_QUERY, SCHEME_BACK = "https://rp.example/signed-out?tenant=1", "com.example.rp:/signed-out"
SECRET = "a-secret-of-its-own-of-32-characters"
#: Everything that a careless encoder gets wrong.
STATE = "a \"b' <c> &d=e %41 #f +g \u00e4?"


def _client(client_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "client_name": f"Client {client_id}",
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_post",
        "client_secret": SECRET,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [f"https://{client_id}.example/callback"],
        "scope": "openid offline_access crm:read",
        "first_party": True,
        "require_pkce": False,
        **changes,
    }


LOGOUT_CLIENTS: list[dict[str, Any]] = [
    _client(
        RP,
        post_logout_redirect_uris=[BACK, BACK_WITH_QUERY],
        backchannel_logout_uri="https://rp.example/backchannel",
        backchannel_logout_session_required=True,
    ),
    _client(
        OTHER_RP,
        post_logout_redirect_uris=["https://other-rp.example/signed-out"],
        backchannel_logout_uri="https://other-rp.example/backchannel",
    ),
    _client(
        "rp-app",
        application_type="native",
        token_endpoint_auth_method="none",
        client_secret=None,
        require_pkce=True,
        redirect_uris=["https://rp-app.example/callback"],
        post_logout_redirect_uris=[SCHEME_BACK],
    ),
]
