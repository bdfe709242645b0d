"""Who may call which route of Orders, and how far they reach there.

Policy: ADR-0026
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security.utils import get_authorization_scheme_param

from shared.api.callers import CallerScope
from shared.api.reach import Reach, reach_of
from shared.bearer import Principal, fail_closed, require_auth

READ, WRITE, READ_ALL = "orders:read", "orders:write", "orders:read:all"
ACR_MFA = "urn:company:acr:mfa"
#: How old the second factor of somebody who gives money back may be.
REFUND_MAX_AGE = timedelta(minutes=5)

Reader = Annotated[Principal, Depends(CallerScope(READ, READ_ALL))]
Writer = Annotated[Principal, Depends(CallerScope(WRITE))]

#: What a refund demands beyond the scope: a second factor just given, and word of every revocation.
REFUND_REQUIREMENTS: list[Any] = [
    Depends(require_auth(acr=ACR_MFA, max_age=REFUND_MAX_AGE)),
    Depends(fail_closed),
]

CONFLICT: dict[str, Any] = {
    "description": "Not possible from where the order stands: `order_status` says where that is, `legal_moves` what is."
}


def reads(principal: Principal) -> Reach:
    """Return the orders that the caller may see."""
    return reach_of(principal, all_records=READ_ALL)


@dataclass(frozen=True)
class _CallersToken:
    """The access token of a request whose requirements have been met, to be traded and for nothing else."""

    value: str

    def __repr__(self) -> str:
        return "<the caller's token>"


def _callers_token(request: Request) -> _CallersToken:
    return _CallersToken(get_authorization_scheme_param(request.headers.get("Authorization"))[1])


CallersToken = Annotated[_CallersToken, Depends(_callers_token)]
