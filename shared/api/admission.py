"""What an API does for every caller whose token is good: it counts the request, and follows a person to a new team.

Policy: ADR-0049, ADR-0050
"""

from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from shared.api.rate_limits import RateLimits
from shared.api.reach import remember_team
from shared.asgi import BODY_LIMIT
from shared.bearer import Principal
from shared.limits import LARGEST_FILE

#: Requests that one operation on a file counts as.
_FILE_COST = 100


#: People whose team is remembered in the process.
_MOST_PEOPLE = 10_000


class Teams(Protocol):
    """Where the team of each person is kept."""

    def follow(self, subject: str, team: str | None, as_of: datetime) -> str | None:
        """Learn that the person was in this team at that moment, and return the one that they are in now."""


class ApiAdmission:
    """Implements `shared.api.route.Admission`. For one event loop."""

    def __init__(self, limits: RateLimits, teams: Teams, files: Collection[str] = ()) -> None:
        """`files`: the ids of the operations that move whole files."""
        self._limits = limits
        self._teams = teams
        self._files = files
        self._seen: OrderedDict[str, str | None] = OrderedDict()

    async def admit(self, principal: Principal, request: Request) -> None:
        """Count the request, and have the caller's records follow them to the team that a newer token names.

        Raises:
            TooManyRequests: a limit was reached before it.
            Unavailable: the database is away.
        """
        await self._limits.admit(principal.subject, self._costs(request))
        if not principal.is_machine:
            await self._follow(principal)

    async def _follow(self, principal: Principal) -> None:
        subject, team = principal.subject, principal.team
        if "act" in (principal.claims or {}):
            team = None  # traded from an older token, whose team it repeats
        if subject not in self._seen or (team is not None and team != self._seen[subject]):
            known = await run_in_threadpool(self._teams.follow, subject, team, principal.issued_at)
            self._seen[subject] = known
            if len(self._seen) > _MOST_PEOPLE:
                self._seen.popitem(last=False)
        remember_team(self._seen[subject])

    def _costs(self, request: Request) -> dict[str, int]:
        is_file = request.scope["route"].operation_id in self._files
        costs = {"requests": _FILE_COST if is_file else 1}
        if request.method not in {"GET", "HEAD"}:
            announced = request.headers.get("Content-Length", "")
            unknown = LARGEST_FILE if is_file else BODY_LIMIT
            if not announced and "Transfer-Encoding" not in request.headers:
                unknown = 0
            size = int(announced) if announced.isdecimal() else unknown
            costs |= {"changes": 1, "kibibytes": size // 1024}
        return costs
