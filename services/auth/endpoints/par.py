"""POST /par: a client leaves its authorization request here before it sends a browser.

Spec: RFC 9126 s2
In: a form body with the parameters of /authorize; client authentication as at /token. Out: 201 with `request_uri` and
`expires_in` (seconds), or an OAuth error; never cached.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.auth.endpoints.token import answer
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import DirectRoute

router = APIRouter(route_class=DirectRoute)


@router.post("/par")
async def par(http: Request) -> Response:
    """Check and store a request."""
    return await answer(http, context_of(http).pushed_requests.answer, limit="par", status=201)
