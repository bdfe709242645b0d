"""POST /par: a client leaves its authorization request here before it sends a browser.

Spec: RFC 9126 s2
In: a form body with the parameters of /authorize; client authentication as at /token. Out: 201 with `request_uri` and
`expires_in` (seconds), or an OAuth error; never cached.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.token import answer
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import json_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = json_endpoint("/par", limit=Limit.PAR, metadata="pushed_authorization_request_endpoint")


@endpoint.post
async def par(http: Request) -> Response:
    """Check and store a request."""
    return await answer(http, context_of(http).pushed_requests.answer, status=201)
