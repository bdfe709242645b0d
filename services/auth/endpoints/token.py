"""POST /token.

Spec: RFC 6749 s3.2 and s5, OpenID Connect Core s3.1.3
In: a form body; client authentication by the registered method. Out: JSON, never cached.
"""

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.auth.audit import Origin, Refusal, refuse
from services.auth.endpoints.web.caching import NO_STORE
from services.auth.endpoints.web.context import admit, context_of, form_parameters, origin_of
from services.auth.endpoints.web.endpoint import json_endpoint
from services.auth.endpoints.web.threads import in_thread
from services.auth.protocol.errors import OAuthError
from services.auth.protocol.parameters import ClientRequest, MalformedParametersError, Parameters
from services.auth.rate_limits.limits import Limit
from shared.json_text import write_json

endpoint = json_endpoint("/token", limit=Limit.TOKEN, cors=True, metadata="token_endpoint")

_HEADERS = {**NO_STORE, "Content-Type": "application/json"}

Act = Callable[[ClientRequest], Mapping[str, object]]


@endpoint.post
async def token(http: Request) -> Response:
    """Grant tokens: for a code, a refresh token, a caller's token, or to a client itself."""
    return await answer(http, context_of(http).token_endpoint.answer)


async def answer(http: Request, act: Act, *, status: int = 200) -> Response:
    """Read the form, act on it in one thread hop, and answer JSON."""
    try:
        form = await form_parameters(http)
    except MalformedParametersError:
        refuse(Refusal.REQUEST_MALFORMED)
        return _refusal(400, "invalid_request", "The body must be application/x-www-form-urlencoded UTF-8.")
    return await in_thread(_answer, http, form, origin_of(http), act, status)


def _answer(http: Request, form: Parameters, origin: Origin, act: Act, status: int) -> Response:
    admit(http, origin)
    moment = context_of(http).moment()
    proofs = tuple(http.headers.getlist("dpop"))
    request = ClientRequest(http.scope["path"], form, http.headers.get("authorization"), origin, moment, proofs)
    headers = context_of(http).proofs.answer_headers(proofs, moment)
    try:
        body = act(request)
    except OAuthError as error:
        refuse(error.reason)
        return _refusal(error.status, error.error, error.description, {**headers, **error.headers})
    return Response(write_json(body), status, {**_HEADERS, **headers})


def _refusal(status: int, error: str, description: str, headers: Mapping[str, str] | None = None) -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="auth"'} if status == 401 else {}
    body = write_json({"error": error, "error_description": description})
    return Response(body, status, {**_HEADERS, **challenge, **(headers or {})})
