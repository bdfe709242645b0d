"""POST /revoke: end the sign-in that a token belongs to.

Spec: RFC 7009
In: a form body with `token`; client authentication as at /token. Out: 200 with an empty object, or an OAuth error.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.token import answer
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import json_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = json_endpoint("/revoke", limit=Limit.TOKEN, cors=True, metadata="revocation_endpoint")


@endpoint.post
async def revoke(http: Request) -> Response:
    """Revoke a refresh or access token and everything of its family."""
    return await answer(http, context_of(http).token_revocation.answer)
