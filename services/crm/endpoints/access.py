"""Who may call which route of the CRM, and how far they reach there."""

from typing import Annotated

from fastapi import Depends

from shared.api.callers import CallerScope
from shared.api.reach import Reach, reach_of
from shared.bearer import Principal

READ, WRITE, READ_ALL = "crm:read", "crm:write", "crm:read:all"

Reader = Annotated[Principal, Depends(CallerScope(READ, READ_ALL))]
Writer = Annotated[Principal, Depends(CallerScope(WRITE))]


def reads(principal: Principal) -> Reach:
    """Return the records that the caller may see."""
    return reach_of(principal, all_records=READ_ALL)
