"""POST /token.

Spec: RFC 6749 s3.2 and s5, OpenID Connect Core s3.1.3
In: a form body; client authentication by the registered method. Out: JSON, never cached.
"""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.auth.audit import Origin
from services.auth.endpoints.web.context import AuthContext, context_of, form_parameters, origin_of
from services.auth.endpoints.web.endpoint import DirectRoute
from services.auth.protocol.parameters import MalformedParametersError, Parameters
from services.auth.token_endpoint.pipeline import OAuthResponse, OAuthServer

router = APIRouter(route_class=DirectRoute)

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@router.post("/token")
async def token(http: Request) -> Response:
    """Grant tokens: for a code, a refresh token, a caller's token, or to a client itself."""
    signer = context_of(http).provider.token_issuer.signer

    def grant(server: OAuthServer, form: Parameters) -> OAuthResponse:
        signer.demand_keys()  # before a code or a refresh token is used up for an answer that can't be signed
        return server.answer_token_request(form, http.headers)

    return await answer(http, grant)


def _act(
    context: AuthContext,
    origin: Origin,
    form: Parameters,
    act: Callable[[OAuthServer, Parameters], OAuthResponse],
    limit: str,
) -> OAuthResponse:
    context.rate_limits.admit(limit, origin.network)
    return act(context.oauth_server(origin), form)


async def answer(
    http: Request, act: Callable[[OAuthServer, Parameters], OAuthResponse], *, limit: str = "token"
) -> Response:
    """Read the form, let the seam act in one thread hop, and answer JSON. `limit`: the rate limit that counts it."""
    try:
        form = await form_parameters(http)
    except MalformedParametersError:
        description = "The body must be application/x-www-form-urlencoded UTF-8."
        return JSONResponse({"error": "invalid_request", "error_description": description}, 400, NO_STORE)
    status, body, headers = await run_in_threadpool(_act, context_of(http), origin_of(http), form, act, limit)
    return JSONResponse(body, status, {**NO_STORE, **{k: v for k, v in headers.items() if k == "www-authenticate"}})
