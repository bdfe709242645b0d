"""Forms with a factor: each POST is counted before anything of it is read, and answered at its network's pace.

Policy: ADR-0074
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.web.context import context_of, endpoint_of, origin_of
from services.auth.endpoints.web.cookies import cookies_of
from services.auth.endpoints.web.threads import in_thread
from services.auth.rate_limits.limits import Limit
from services.auth.rate_limits.pace import Pace
from shared.errors import TooManyRequests


async def paced(http: Request, answer: Callable[[Pace], Awaitable[Response]]) -> Response:
    """Let `answer` answer, and hold the answer back for as long as the network's pace says.

    Past the limit only a browser that may be known to its user is heard at all; `answer` finds out.

    Raises:
        TooManyRequests: nothing is left of the network's limit.
    """
    if http.method != "POST" or endpoint_of(http).limit is not Limit.SIGN_IN:
        return await answer(Pace(used=0.0, admitted=True, retry_after=timedelta(0)))
    context = context_of(http)
    pace = await in_thread(context.rate_limits.pace, Limit.SIGN_IN, origin_of(http).network)
    try:
        if cookies_of(http).device is None:
            pace.demand()
        response = await answer(pace)
    except TooManyRequests:
        await context.holding.wait(pace)
        raise
    await context.holding.wait(pace)
    return response
