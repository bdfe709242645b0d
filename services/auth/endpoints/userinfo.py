"""GET and POST /userinfo.

Spec: OpenID Connect Core s5.3, RFC 6750 s2 and s3
In: an access token with `openid`, in the Authorization header or as `access_token` in a form body.
Out: JSON claims by scope, and those that the client asked for by name. Refuses tokens of ended families: /userinfo is
auth's own and may look.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.auth.accounts.requested_claims import answered
from services.auth.audit import Refusal, refuse
from services.auth.endpoints.web.caching import NO_STORE
from services.auth.endpoints.web.context import FORM, AuthContext, context_of, form_parameters
from services.auth.endpoints.web.endpoint import json_endpoint
from services.auth.endpoints.web.threads import in_thread
from services.auth.protocol.parameters import MalformedParametersError
from services.auth.tokens.access_token import verify_own_access_token
from shared.request_context import note

endpoint = json_endpoint("/userinfo", cors=True, metadata="userinfo_endpoint")

_NOT_VALID = "The access token is not valid."


class _MalformedCredentialsError(ValueError):
    """A token in more than one place, or none where one was announced (RFC 6750 s2)."""


@endpoint.get
@endpoint.post
async def userinfo(http: Request) -> Response:
    """Return what the token's scopes tell about its user."""
    try:
        access_token = await _access_token(http)
    except (_MalformedCredentialsError, MalformedParametersError):
        return _challenge(Refusal.BEARER_TOKEN_MALFORMED, 400, "invalid_request", "The request is malformed.")
    if access_token is None:
        return _challenge(Refusal.BEARER_TOKEN_MISSING, 401)
    return await in_thread(_answer, context_of(http), access_token)


async def _access_token(http: Request) -> str | None:
    found = []
    for header in http.headers.getlist("authorization"):
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "bearer":
            continue
        if not value.strip():
            raise _MalformedCredentialsError
        found.append(value.strip())
    if http.method == "POST" and http.headers.get("content-type", "").startswith(FORM):
        form = await form_parameters(http)
        if form.repeated:
            raise _MalformedCredentialsError
        if (posted := form.get("access_token")) is not None:
            found.append(posted)
    if len(found) > 1:
        raise _MalformedCredentialsError
    return found[0] if found else None


def _answer(context: AuthContext, access_token: str) -> Response:
    now, issuer = context.clock.now(), context.token_issuer
    context.replica.refresh(now)
    token = verify_own_access_token(issuer.signer, access_token, issuer=issuer.issuer, now=now)
    if token is None:
        return _challenge(Refusal.BEARER_TOKEN_REFUSED, 401, "invalid_token", _NOT_VALID)
    note(client_id=token.client_id, sub=token.claims["sub"])
    if token.family_id is None:  # a machine's: there is no user to tell about
        return _challenge(
            Refusal.BEARER_TOKEN_OF_A_MACHINE,
            403,
            "insufficient_scope",
            "The scope openid is required.",
            scope="openid",
        )
    with context.database.autocommit() as stores:
        family = stores.families.find(token.family_id)
        revoked = stores.revoked_access_tokens.has(token.jti)
        user = stores.users.find(family.authorization.user_id) if family is not None and family.live(now) else None
    client = None if family is None else context.registrations.find_client(family.authorization.client_id, now)
    if revoked or family is None or client is None or user is None or user.disabled_at is not None:
        return _challenge(Refusal.BEARER_TOKEN_OVER, 401, "invalid_token", _NOT_VALID)
    if "openid" not in token.scopes:
        return _challenge(
            Refusal.BEARER_SCOPE_MISSING, 403, "insufficient_scope", "The scope openid is required.", scope="openid"
        )
    asked = answered(family.authorization.claims.within(client.scopes).userinfo, user.standard_claims)
    return JSONResponse({"sub": user.subject, **asked, **user.claims_for(token.scopes)}, headers=NO_STORE)


def _challenge(
    reason: Refusal, status: int, error: str | None = None, description: str = "", *, scope: str | None = None
) -> Response:
    """Refuse as RFC 6750 s3 asks: without credentials no error code; each attribute once."""
    refuse(reason)
    parts = ['realm="auth"']
    if error is not None:
        parts += [f'error="{error}"', f'error_description="{description}"']
    if scope is not None:
        parts.append(f'scope="{scope}"')
    body = {} if error is None else {"error": error, "error_description": description}
    return JSONResponse(body, status, {**NO_STORE, "WWW-Authenticate": f"Bearer {', '.join(parts)}"})
