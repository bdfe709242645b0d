"""What an API asks of every caller whose token is good: that its limits leave room for the request.

Policy: ADR-0049
"""

from collections.abc import Collection
from dataclasses import dataclass

from fastapi import Request

from shared.api.rate_limits import RateLimits
from shared.asgi import BODY_LIMIT
from shared.bearer import Principal

#: Requests that one operation on a file counts as, and bytes that its body counts as if it does not say.
_FILE_COST = 100
_LARGEST_FILE = 20 * 1024 * 1024


@dataclass(frozen=True)
class ApiAdmission:
    """Implements `shared.api.route.Admission`. `files`: the ids of the operations that move whole files."""

    limits: RateLimits
    files: Collection[str] = ()

    async def admit(self, principal: Principal, request: Request) -> None:
        """Count the request.

        Raises:
            TooManyRequests: a limit was reached before it.
        """
        await self.limits.admit(principal.subject, self._costs(request))

    def _costs(self, request: Request) -> dict[str, int]:
        is_file = request.scope["route"].operation_id in self.files
        costs = {"requests": _FILE_COST if is_file else 1}
        if request.method not in {"GET", "HEAD"}:
            announced = request.headers.get("Content-Length", "")
            unknown = _LARGEST_FILE if is_file else BODY_LIMIT
            if not announced and "Transfer-Encoding" not in request.headers:
                unknown = 0
            size = int(announced) if announced.isdecimal() else unknown
            costs |= {"changes": 1, "kibibytes": size // 1024}
        return costs
