"""GET and POST /authorize: the dispatcher of a sign-in.

Spec: RFC 6749 s4.1.1, OpenID Connect Core s3.1.2, RFC 9207; Policy: ADR-0007
In: the parameters of a client's request; or `request` alone, the handle of one that waits (a request object, RFC 9101,
never comes without client_id, so the two can't be confused).
Out: 303 to the next step's page or back to the client, or an error page.
"""

from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.auth.audit import AuditEvent
from services.auth.authorization.code import issue_code
from services.auth.authorization.flow import Continue, IssueCode, Login, Mfa, next_step
from services.auth.authorization.request import AuthorizationRequest, WaitingRequest
from services.auth.authorization.response import code_redirect, error_redirect
from services.auth.authorization.sign_in import Browser
from services.auth.authorization.signed_in import SignedIn, find_signed_in
from services.auth.endpoints.cookies import browser_of, cookies_of
from services.auth.endpoints.dependencies import (
    AuthContext,
    context_of,
    form_parameters,
    origin_of,
    query_parameters,
)
from services.auth.endpoints.pages import error_page, see_other
from services.auth.oauth.authorization_request import validate_authorization_request
from services.auth.oauth.errors import ErrorPage, ErrorRedirect
from services.auth.oauth.request import MalformedParametersError, Parameters
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.stores import Stores

router = APIRouter()

_PAGES = {Login: "/login", Mfa: "/mfa", Continue: "/continue"}


@router.get("/authorize")
async def get_authorize(http: Request) -> Response:
    """Take a request one step further."""
    try:
        parameters = query_parameters(http)
    except MalformedParametersError:
        return error_page("malformed_request")
    return await run_in_threadpool(_get, http, parameters)


@router.post("/authorize")
async def post_authorize(http: Request) -> Response:
    """Store the request unbound and go on by GET: a cross-site POST comes without our Lax cookies."""
    try:
        parameters = await form_parameters(http)
    except MalformedParametersError:
        return error_page("malformed_request")
    return await run_in_threadpool(_post, http, parameters)


def _get(http: Request, parameters: Parameters) -> Response:
    context, cookies = context_of(http), cookies_of(http)
    browser_cookie = cookies.browser or mint_opaque_token()
    browser, now = browser_of(http, cookies, browser_cookie), context.clock.now()
    context.rate_limits.admit("authorize", browser.origin.network)
    handle = parameters.get("request")
    if handle is not None and [name for name, _ in parameters.pairs] == ["request"]:
        response = _resume(context, handle, browser, now)
    else:
        try:
            request = _validate(http, context, parameters)
        except (ErrorPage, ErrorRedirect) as error:
            return _error_response(context, error)
        with context.database.transaction() as stores:
            response = _advance(context, stores, browser, request, now)
    if cookies.browser is None:
        cookies.set_browser(response, browser_cookie)
    return response


def _post(http: Request, parameters: Parameters) -> Response:
    context = context_of(http)
    context.rate_limits.admit("authorize", origin_of(http).network)
    try:
        request = _validate(http, context, parameters)
    except (ErrorPage, ErrorRedirect) as error:
        return _error_response(context, error)
    with context.database.transaction() as stores:
        handle = _store(context, stores, request, None, context.clock.now())
    return see_other(f"/authorize?request={quote(handle)}")


def _validate(http: Request, context: AuthContext, parameters: Parameters) -> AuthorizationRequest:
    return validate_authorization_request(context.oauth_server(origin_of(http)), parameters)


def _error_response(context: AuthContext, error: ErrorPage | ErrorRedirect) -> Response:
    if isinstance(error, ErrorPage):
        return error_page(error.case, error.error)
    return see_other(
        error_redirect(
            error.redirect_uri,
            error=error.error,
            description=error.description,
            state=error.state,
            issuer=context.issuer,
        )
    )


def _resume(context: AuthContext, handle: str, browser: Browser, now: datetime) -> Response:
    """Go on with a waiting request; an unbound one becomes this browser's."""
    with context.database.transaction() as stores:
        stores.waiting_requests.bind(digest(handle), browser.browser_hash, now)
        waiting = stores.waiting_requests.find(digest(handle), browser.browser_hash, now)
        if waiting is None:
            return error_page("request_over")
        return _advance(context, stores, browser, waiting.request, now, waiting=waiting, handle=handle)


def _advance(
    context: AuthContext,
    stores: Stores,
    browser: Browser,
    request: AuthorizationRequest,
    now: datetime,
    *,
    waiting: WaitingRequest | None = None,
    handle: str = "",
) -> Response:
    """Do what `next_step` says: a page, a code or an error. `handle` comes with `waiting`."""
    client = stores.clients.find(request.client_id)
    if client is None or not client.may_return_to(request.redirect_uri):
        return error_page("unknown_client", "invalid_client")
    signed_in = find_signed_in(stores, browser.session_hash, now)
    step = next_step(request, client=client, signed_in=signed_in, waiting=waiting, now=now)
    if isinstance(step, Login | Mfa | Continue):
        handle = handle or _store(context, stores, request, browser.browser_hash, now)
        return see_other(f"{_PAGES[type(step)]}?request={quote(handle)}")
    if waiting is not None and not stores.waiting_requests.complete(waiting.handle_hash, browser.browser_hash, now):
        return error_page("request_over")
    if isinstance(step, IssueCode):
        return _issue(context, stores, browser, request, step.signed_in, now)
    return _error_response(context, ErrorRedirect(request.redirect_uri, request.state, step.error, step.description))


def _issue(
    context: AuthContext,
    stores: Stores,
    browser: Browser,
    request: AuthorizationRequest,
    signed_in: SignedIn,
    now: datetime,
) -> Response:
    settings = context.settings
    stores.sessions.touch(signed_in.session.id, idle_expires_at=now + settings.session_idle_lifetime)
    code = issue_code(stores.codes, request, signed_in, lifetime=settings.code_lifetime, now=now)
    stores.audit.record(
        AuditEvent(
            "authorization_code_issued",
            now,
            user_id=signed_in.user.id,
            client_id=request.client_id,
            session_id=signed_in.session.id,
            origin=browser.origin,
        )
    )
    return see_other(code_redirect(request, code, issuer=context.issuer))


def _store(
    context: AuthContext, stores: Stores, request: AuthorizationRequest, browser_hash: bytes | None, now: datetime
) -> str:
    """Store a request that waits, and return its handle."""
    handle = mint_opaque_token()
    expires_at = now + context.settings.waiting_request_lifetime
    stores.waiting_requests.add(WaitingRequest(digest(handle), request, now, expires_at, browser_hash))
    return handle
