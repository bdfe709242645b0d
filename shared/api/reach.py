"""Whose records a caller may touch: the rule that storage puts into every WHERE clause.

Policy: a user sees and changes their own records, with the role `manager` also those of their team. A machine client
owns nothing and sees nothing, except where a route accepts a scope for all records and the client was granted it.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from shared.bearer import InsufficientScope, Principal
from shared.problem_codes import ProblemCode

MANAGER = "manager"

#: The team that the running request's caller is in now, if that is known better than by the token (`teams`).
_team: ContextVar[str | None] = ContextVar("team", default=None)


class ManagerRequired(InsufficientScope):
    """The caller does not lead a team: the role `manager`, and a team, are needed."""

    code = ProblemCode.MANAGER_REQUIRED
    description = "Only a manager of the team may do this."


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a new record belongs to."""

    subject: str
    team: str | None


@dataclass(frozen=True, slots=True)
class Reach:
    """The records within reach: everyone's, or those of one subject, of one team, of both. By default none."""

    everyone: bool = False
    subject: str | None = None
    team: str | None = None


def owner_of_new_records(principal: Principal) -> Owner:
    """Return whom a record made by this caller belongs to; nothing in a request can say otherwise.

    Raises:
        InsufficientScope: a machine client, which can own none.
    """
    if principal.is_machine:
        raise InsufficientScope("machine_owns_nothing")
    return Owner(principal.subject, _team.get() or principal.team)


def remember_team(team: str | None) -> None:
    """Say which team the running request's caller is in now: what they make belongs there."""
    _team.set(team)


def led_team(principal: Principal) -> str:
    """Return the team that the caller leads.

    Raises:
        ManagerRequired: none.
    """
    if MANAGER not in principal.roles or principal.team is None:
        raise ManagerRequired("manager_required")
    return principal.team


def reach_of(principal: Principal, *, all_records: str | None = None) -> Reach:
    """Return what the caller may see; `all_records` is the scope by which a machine client sees everything here."""
    if principal.is_machine:
        return Reach(everyone=all_records is not None and all_records in principal.scopes)
    return Reach(subject=principal.subject, team=principal.team if MANAGER in principal.roles else None)


def writes(principal: Principal) -> Reach:
    """Return the records that the caller may change.

    Raises:
        InsufficientScope: a machine client, which changes none.
    """
    owner_of_new_records(principal)
    return reach_of(principal)
