"""How values that several tables keep are written to their columns, and read back: each is spelled here alone.

`*_row` returns the columns of a value, `*_of` the value of a row: a field that is forgotten in either is a type error.
"""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Column, Table

from services.auth.accounts.requested_claims import RequestedClaims
from services.auth.tokens.authorization import Authorization


class AuthorizationRow(TypedDict):
    """The columns of an `Authorization` in `authorization_codes` and `families`."""

    client_id: str
    user_id: UUID
    session_id: UUID
    scopes: list[str]
    resources: list[str]
    claims: dict[str, Any]
    auth_time: datetime
    acr: str
    amr: list[str]
    dpop_thumbprint: str | None


def authorization_row(authorization: Authorization) -> AuthorizationRow:
    """Return the columns of `authorization`."""
    return AuthorizationRow(
        client_id=authorization.client_id,
        user_id=authorization.user_id,
        session_id=authorization.session_id,
        scopes=sorted(authorization.scopes),
        resources=list(authorization.resources),
        claims=authorization.claims.record(),
        auth_time=authorization.auth_time,
        acr=authorization.acr,
        amr=list(authorization.amr),
        dpop_thumbprint=authorization.dpop_jkt,
    )


def authorization_columns(table: Table) -> tuple[Column[Any], ...]:
    """Return the columns of an `Authorization`, in the order that `authorization_of` takes them."""
    row = table.c
    return (
        row.client_id,
        row.user_id,
        row.session_id,
        row.scopes,
        row.resources,
        row.claims,
        row.auth_time,
        row.acr,
        row.amr,
        row.dpop_thumbprint,
    )


def authorization_of(
    client_id: str,
    user_id: UUID,
    session_id: UUID,
    scopes: list[str],
    resources: list[str],
    claims: dict[str, Any] | None,
    auth_time: datetime,
    acr: str,
    amr: list[str],
    dpop_thumbprint: str | None,
) -> Authorization:
    """Return the value that these columns hold."""
    return Authorization(
        client_id=client_id,
        user_id=user_id,
        session_id=session_id,
        scopes=frozenset(scopes),
        resources=tuple(resources),
        claims=RequestedClaims.from_record(claims),
        auth_time=auth_time,
        acr=acr,
        amr=tuple(amr),
        dpop_jkt=dpop_thumbprint,
    )


#: How many columns an `Authorization` takes.
AUTHORIZATION_WIDTH = 10
