"""POST /device_authorization: a device without a browser asks for its codes.

Spec: RFC 8628 s3.1 and s3.2
In: a form body with `scope` and `resource`; client authentication as at /token. Out: 200 with `device_code`,
`user_code`, `verification_uri`, `verification_uri_complete`, `expires_in` and `interval` (seconds), or an OAuth error.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.token import answer
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import json_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = json_endpoint("/device_authorization", limit=Limit.PAR, metadata="device_authorization_endpoint")


@endpoint.post
async def device_authorization(http: Request) -> Response:
    """Check and store a request."""
    return await answer(http, context_of(http).device_requests.answer)
