"""ApiRoute: a protected route of the APIs. Whoever its token lets in is admitted before the body is read.

Policy: ADR-0031, ADR-0049
"""

import re
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from shared.bearer import Principal, ProtectedRoute
from shared.bearer.web.requirements import principal_of
from shared.limits import MOST_MEMBERS
from shared.problem_codes import ProblemCode
from shared.problem_details import ProblemError

_MEMBER = re.compile(rb'"[ \t\r\n]*:')


class Admission(Protocol):
    """What is asked of a caller once the token is good; it is kept in `app.state.admission`."""

    async def admit(self, principal: Principal, request: Request) -> None:
        """Return if the request may go on.

        Raises:
            TooManyRequests: the caller has sent too many.
        """


def _refuse_many_members(body: bytes) -> None:
    """Raise ProblemError (422) for a body of more members than any record has: a complaint about each takes 6 us."""
    if body.count(b":") > MOST_MEMBERS and len(_MEMBER.findall(body)) > MOST_MEMBERS:
        raise ProblemError(422, f"The body has more than {MOST_MEMBERS} members.", ProblemCode.INVALID_INPUT)


class _AdmittingRoute(APIRoute):
    """Stands between ProtectedRoute, which has verified the token, and FastAPI, which reads the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            principal = principal_of(request)
            if principal is not None:
                admission: Admission = request.app.state.admission
                await admission.admit(principal, request)
            if self.body_field is not None:
                _refuse_many_members(await request.body())
            return await handle(request)

        return admitted


class ApiRoute(ProtectedRoute, _AdmittingRoute):
    """A protected route whose callers `app.state.admission` admits."""
