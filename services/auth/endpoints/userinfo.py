"""GET and POST /userinfo.

Spec: OpenID Connect Core s5.3, RFC 6750 s2 and s3, RFC 9449 s7
In: an access token with `openid`, in the Authorization header or as `access_token` in a form body; one that is bound to
a key in the Authorization header alone, as `DPoP`, with a proof.
Out: JSON claims by scope, and those that the client asked for by name. Refuses tokens of ended families: /userinfo is
auth's own and may look.
"""

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.auth.accounts.requested_claims import answered
from services.auth.audit import Refusal, refuse
from services.auth.endpoints.web.caching import NO_STORE
from services.auth.endpoints.web.context import FORM, AuthContext, context_of, form_parameters
from services.auth.endpoints.web.endpoint import json_endpoint
from services.auth.endpoints.web.threads import in_thread
from services.auth.protocol.errors import InvalidDpopProof, UseDpopNonce
from services.auth.protocol.parameters import MalformedParametersError
from services.auth.tokens.access_token import OwnAccessToken, verify_own_access_token
from shared.dpop.jwk import ALGORITHMS
from shared.request_context import note

endpoint = json_endpoint("/userinfo", cors=True, metadata="userinfo_endpoint")

_NOT_VALID = "The access token is not valid."


_SCHEMES = {"bearer": "Bearer", "dpop": "DPoP"}  # they ignore case (RFC 9110 s11.1)


class _MalformedCredentialsError(ValueError):
    """A token in more than one place, or none where one was announced (RFC 6750 s2)."""


class _WrongKeyError(Exception):
    """The token does not belong to the caller who presents it."""


@dataclass(frozen=True, repr=False)
class _Presented:
    """An access token, and the scheme that it came by."""

    access_token: str
    scheme: str = "Bearer"


@endpoint.get
@endpoint.post
async def userinfo(http: Request) -> Response:
    """Return what the token's scopes tell about its user."""
    try:
        presented = await _presented(http)
    except (_MalformedCredentialsError, MalformedParametersError):
        return _challenge(Refusal.BEARER_TOKEN_MALFORMED, 400, "invalid_request", "The request is malformed.")
    if presented is None:
        return _challenge(Refusal.BEARER_TOKEN_MISSING, 401)
    return await in_thread(_answer, http, context_of(http), presented)


async def _presented(http: Request) -> _Presented | None:
    found = []
    for header in http.headers.getlist("authorization"):
        scheme, _, value = header.partition(" ")
        named = _SCHEMES.get(scheme.lower())
        if named is None:
            continue
        if not value.strip():
            raise _MalformedCredentialsError
        found.append(_Presented(value.strip(), named))
    if http.method == "POST" and http.headers.get("content-type", "").startswith(FORM):
        form = await form_parameters(http)
        if form.repeated:
            raise _MalformedCredentialsError
        if (posted := form.get("access_token")) is not None:
            found.append(_Presented(posted))
    if len(found) > 1:
        raise _MalformedCredentialsError
    return found[0] if found else None


def _answer(http: Request, context: AuthContext, presented: _Presented) -> Response:
    now, issuer = context.clock.now(), context.token_issuer
    context.replica.refresh(now)
    token = verify_own_access_token(issuer.signer, presented.access_token, issuer=issuer.issuer, now=now)
    if token is None:
        return _challenge(Refusal.BEARER_TOKEN_REFUSED, 401, "invalid_token", _NOT_VALID, scheme=presented.scheme)
    note(client_id=token.client_id, sub=token.claims["sub"])
    if presented.scheme == "DPoP" or token.jkt is not None:
        try:
            _require_key(http, context, presented, token, now)
        except (InvalidDpopProof, UseDpopNonce) as error:
            refusal = _challenge(error.reason, 401, error.error, error.description, scheme="DPoP")
            refusal.headers.update(error.headers)
            return refusal
        except _WrongKeyError:
            return _challenge(Refusal.BEARER_TOKEN_OF_ANOTHER_KEY, 401, "invalid_token", _NOT_VALID, scheme="DPoP")
    response = _claims(context, token, presented.scheme, now)
    response.headers.update(context.proofs.answer_headers(http.headers.getlist("dpop"), now))
    return response


def _require_key(
    http: Request, context: AuthContext, presented: _Presented, token: OwnAccessToken, now: datetime
) -> None:
    """Return if the token is bound to a key, came as one that is, and with a proof of that key (RFC 9449 s7.1, s7.2).

    Raises:
        _WrongKeyError: it does not.
        InvalidDpopProof, UseDpopNonce: as `DpopProofs.key_of` does.
    """
    if token.jkt is None or presented.scheme != "DPoP":
        raise _WrongKeyError
    method, proofs = http.method, http.headers.getlist("dpop")
    jkt = context.proofs.key_of(proofs, method, endpoint.path, now, access_token=presented.access_token)
    if jkt != token.jkt:
        raise _WrongKeyError


def _claims(context: AuthContext, token: OwnAccessToken, scheme: str, now: datetime) -> Response:
    if token.family_id is None:  # a machine's: there is no user to tell about
        return _no_openid(Refusal.BEARER_TOKEN_OF_A_MACHINE, scheme)
    with context.database.autocommit() as stores:
        family = stores.families.find(token.family_id)
        revoked = stores.revoked_access_tokens.has(token.jti)
        user = stores.users.find(family.authorization.user_id) if family is not None and family.live(now) else None
    client = None if family is None else context.registrations.find_client(family.authorization.client_id, now)
    if revoked or family is None or client is None or user is None or user.disabled_at is not None:
        return _challenge(Refusal.BEARER_TOKEN_OVER, 401, "invalid_token", _NOT_VALID, scheme=scheme)
    if "openid" not in token.scopes:
        return _no_openid(Refusal.BEARER_SCOPE_MISSING, scheme)
    asked = answered(family.authorization.claims.within(client.scopes).userinfo, user.standard_claims)
    return JSONResponse({"sub": user.subject, **asked, **user.claims_for(token.scopes)}, headers=NO_STORE)


def _no_openid(reason: Refusal, scheme: str) -> Response:
    description = "The scope openid is required."
    return _challenge(reason, 403, "insufficient_scope", description, scope="openid", scheme=scheme)


def _challenge(
    reason: Refusal,
    status: int,
    error: str | None = None,
    description: str = "",
    *,
    scope: str | None = None,
    scheme: str = "Bearer",
) -> Response:
    """Refuse as RFC 6750 s3 and RFC 9449 s7.1 ask: without credentials no error code; each attribute once."""
    refuse(reason)
    parts = ['realm="auth"']
    if error is not None:
        parts += [f'error="{error}"', f'error_description="{description}"']
    if scope is not None:
        parts.append(f'scope="{scope}"')
    if scheme == "DPoP":
        parts.append(f'algs="{" ".join(ALGORITHMS)}"')
    body = {} if error is None else {"error": error, "error_description": description}
    return JSONResponse(body, status, {**NO_STORE, "WWW-Authenticate": f"{scheme} {', '.join(parts)}"})
