"""A record's new owner: a manager hands records over within the team.

Policy: ADR-0050
In: OwnerIn.
"""

from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.api.reach import Owner, led_team
from shared.bearer import Principal
from shared.errors import InvalidInput


class OwnerIn(BaseModel):
    """Whom a record is to belong to."""

    model_config = ConfigDict(extra="forbid")

    owner_sub: Annotated[
        str,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$"),
        Field(
            description="The new owner's `sub`: a member of the caller's team who has used this API before.",
            examples=["0190a1b0-0000-7000-8000-000000000a11"],
        ),
    ]


class People(Protocol):
    """Where it can be asked which team somebody is in."""

    def team_of(self, subject: str) -> str | None:
        """Return the team that the person is in, None if that is not known."""


def member_of_team(said: OwnerIn, principal: Principal, people: People) -> Owner:
    """Return the new owner that a manager names.

    Raises:
        ManagerRequired: the caller leads no team.
        InvalidInput: who is named is in another team, or not known.
    """
    team = led_team(principal)
    if said.owner_sub != principal.subject and people.team_of(said.owner_sub) != team:
        raise InvalidInput("no such member of the team", "body", "owner_sub")
    return Owner(said.owner_sub, team)
