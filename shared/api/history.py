"""Who changed a record, and what a change changed: the part of a history that both APIs share.

Policy: ADR-0026, ADR-0046
In: HistoryQuery. Out: ActorOut in each change; a member that changed is `{"from": ..., "to": ...}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.api.pagination import Limit
from shared.bearer import Principal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changed something: the user, the client they used, and who acted for them, if anybody did (RFC 8693 s4.1)."""

    subject: str
    client_id: str
    acting: str | None = None

    @classmethod
    def of(cls, principal: Principal) -> "Actor":
        """Return the caller; of a chain of actors the current one, which alone counts."""
        act = (principal.claims or {}).get("act")
        acting = act.get("sub") if isinstance(act, Mapping) else None
        return cls(principal.subject, principal.client_id, acting if isinstance(acting, str) else None)


#: Who brings the records of a configuration file: no user and no client.
OPERATOR = Actor("operator", "apply")


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return each member that differs, as it was and as it is. Both have the same members, in the types of JSON."""
    return {name: {"from": before[name], "to": new} for name, new in after.items() if before[name] != new}


class ActorOut(BaseModel):
    """Who made a change."""

    sub: str = Field(description="The user.", examples=["0190a1b0-0000-7000-8000-000000000a11"])
    client_id: str = Field(description="The client that they used.", examples=["mobile-app"])
    act: str | None = Field(description="Who acted for them, if anybody did (RFC 8693).", examples=[None])

    @classmethod
    def of(cls, actor: Actor) -> "ActorOut":
        """Return the actor."""
        return cls(sub=actor.subject, client_id=actor.client_id, act=actor.acting)


class HistoryQuery(BaseModel):
    """Which page of a record's history."""

    model_config = ConfigDict(extra="forbid")

    limit: Limit = 50
    cursor: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8}$")] | None = Field(
        default=None, description="`next_cursor` of the page before, as it was given."
    )

    @property
    def before(self) -> int | None:
        """The version that the page before ended with, None for the first page."""
        return None if self.cursor is None else int(self.cursor)
