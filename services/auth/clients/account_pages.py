"""The account pages as a client of the sign-in: so that they sign people in by the same steps as every application.

Policy: ADR-0118
Nobody can register this client (its id holds a character that none may have) or ask in its name: it is in no table. It
gets no code and no token, only the browser back, at one of its own pages.
"""

from collections.abc import Iterable

from pydantic import TypeAdapter

from services.auth.clients.client import Client

ACCOUNT_PAGES = "company:account"

_CLIENT = TypeAdapter(Client)


def account_client(name: str, issuer: str, paths: Iterable[str]) -> Client:
    """Return it. `paths`: of its pages, which are the only addresses that a sign-in for it can lead to."""
    return _CLIENT.validate_python(
        {
            "client_id": ACCOUNT_PAGES,
            "client_name": name,
            "application_type": "web",
            "token_endpoint_auth_method": "none",
            "redirect_uris": tuple(f"{issuer}{path}" for path in paths),
            "scope": "openid",
            "first_party": True,
            "secret_hashes": (),
            "disabled_at": None,
        }
    )
