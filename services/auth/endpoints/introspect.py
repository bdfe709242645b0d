"""POST /introspect: tell an API whether a token that it was given is live.

Spec: RFC 7662 s2
In: a form body with `token`; client authentication as at /token, by a client that is registered for `introspection`.
Out: 200 with the token's members, or with `{"active": false}` and nothing else; never cached. A bad token is not an
error.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.token import answer
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import json_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = json_endpoint("/introspect", limit=Limit.INTROSPECT, metadata="introspection_endpoint")


@endpoint.post
async def introspect(http: Request) -> Response:
    """Look a token up, for the API that it is meant for."""
    return await answer(http, context_of(http).introspection.answer)
