"""Authorizations, codes and families for tests: the product's own values, with what a test does not care about."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.auth.accounts.requested_claims import RequestedClaims
from services.auth.audit import AuditEvent, Origin
from services.auth.authorization.code import AuthorizationCode, CodeDatabase, Redeemer, redeem
from services.auth.tokens.authorization import Authorization
from services.auth.tokens.family import Grant

_NAMES = frozenset(field.name for field in fields(Authorization))


def new_authorization(**changes: Any) -> Authorization:
    """Return an authorization of user 1 and session 2 for the client `app`, but for `changes`."""
    values: dict[str, Any] = {
        "client_id": "app",
        "user_id": UUID(int=1),
        "session_id": UUID(int=2),
        "scopes": frozenset({"openid"}),
        "resources": (),
        "claims": RequestedClaims(),
        "auth_time": datetime.fromisoformat("2030-01-01T12:00:00+00:00"),
        "acr": "1fa",
        "amr": ("pwd",),
        "dpop_jkt": None,
    }
    return Authorization(**{**values, **changes})


def split_changes(changes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the changes that an Authorization takes, and the others."""
    inner = {name: value for name, value in changes.items() if name in _NAMES}
    return inner, {name: value for name, value in changes.items() if name not in _NAMES}


def some_event(code: AuthorizationCode, now: datetime) -> AuditEvent:
    """Return an event to be recorded beside a code."""
    return AuditEvent("authorization_code_issued", now, client_id=code.authorization.client_id)


def redeem_code(
    database: CodeDatabase, code: AuthorizationCode, *, seed: bytes, mac_kid: bytes, origin: Origin, now: datetime
) -> Grant | None:
    """Redeem a code as the grant does once client, redirect URI and verifier have been checked."""
    redeemer = Redeemer(seed, mac_kid, timedelta(days=30), timedelta(days=180), origin)
    with database.transaction() as stores:
        found = stores.codes.lock(code.code_hash)
        assert found is not None
        return redeem(stores, *found, redeemer, now)
