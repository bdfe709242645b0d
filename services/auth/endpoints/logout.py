"""GET and POST /logout: sign out here, for a client that asks or for a person who comes by.

Spec: OpenID Connect RP-Initiated Logout s2 to s5; Policy: ADR-0007
In: `id_token_hint`, `client_id`, `post_logout_redirect_uri`, `state` of a client; or `request` alone, the handle of
such a request that waits; or our own form: `request`, `csrf`, `session`, `action` = confirm-logout | logout-everywhere
| cancel.
Out: 303 to the client's registered address, or a page; a form is answered by 303 alone. Nothing that is wrong with a
request redirects to a client.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.auth.audit import Origin
from services.auth.authorization.repeat import REPEAT_WINDOW
from services.auth.authorization.sign_in_steps import Browser
from services.auth.authorization.signed_in import SignedIn, find_signed_in
from services.auth.clients.client import Client
from services.auth.endpoints.web.context import AuthContext, admit, context_of, origin_of
from services.auth.endpoints.web.cookies import Cookies, browser_of, cookies_of, csrf_token, csrf_token_fits
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page, see_other
from services.auth.logout.outcome import Outcome, outcome_of, why_asked, why_here
from services.auth.logout.rp_initiated import LogoutRequest, WaitingLogout, check_logout_request, read_hint
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.parameters import Parameters
from services.auth.rate_limits.limits import Limit
from services.auth.revocation import end_session
from services.auth.stores import Stores
from services.auth.tokens.end_reason import EndReason
from services.auth.waiting import RESTART_WINDOW, Progress, progress_of

endpoint = page_endpoint("/logout", limit=Limit.LOGOUT, metadata="end_session_endpoint")

#: Longest `state`, in bytes.
_MAX_STATE = 2048


@dataclass(frozen=True)
class _Interaction:
    """One browser that wants to sign out, as it stands at `now`."""

    context: AuthContext
    stores: Stores
    cookies: Cookies
    browser_cookie: str
    browser: Browser
    signed_in: SignedIn | None
    now: datetime


@endpoint.get
async def get_logout(http: Request) -> Response:
    """Sign out, or ask first."""
    return await answer_page(http, _get)


@endpoint.post
async def post_logout(http: Request) -> Response:
    """Take our own form's answer; a client's request is stored unbound, for it comes without our Lax cookies."""
    return await answer_page(http, _post)


def _get(http: Request, parameters: Parameters) -> Response:
    context, cookies = context_of(http), cookies_of(http)
    admit(http, origin_of(http))
    context.replica.refresh(context.clock.now())  # an ID token may be signed by a key that another process has made
    if parameters.repeated or not _fits(parameters):
        return error_page("malformed_request")
    handle = parameters.get("request") if [name for name, _ in parameters.pairs] == ["request"] else None
    known = cookies.browser if handle is None else cookies.of_request(handle)
    browser_cookie = known or mint_opaque_token()
    with context.database.transaction() as stores:
        here = _interaction(http, context, stores, cookies, browser_cookie)
        if handle is not None:
            stores.waiting_logouts.bind(digest(handle), here.browser.browser_hash, here.now)
            response = _resume(here, handle)
        else:
            response = _advance(here, _check(context, stores, parameters))
    context.logout_delivery.wake()
    return response


def _post(http: Request, parameters: Parameters) -> Response:
    context, cookies = context_of(http), cookies_of(http)
    admit(http, origin_of(http))
    context.replica.refresh(context.clock.now())  # an ID token may be signed by a key that another process has made
    if parameters.repeated or not _fits(parameters):
        return error_page("malformed_request")
    if parameters.get("csrf") is None:
        with context.database.transaction() as stores:
            handle = _store(context, stores, _check(context, stores, parameters), None, origin_of(http))
        return see_other(_address(handle))
    handle = parameters.get("request") or ""
    browser_cookie = cookies.of_request(handle)
    if browser_cookie is None or not csrf_token_fits(browser_cookie, handle, parameters.get("csrf")):
        return error_page("bad_form", start_again=endpoint.path)
    with context.database.transaction() as stores:
        here = _interaction(http, context, stores, cookies, browser_cookie)
        waiting = stores.waiting_logouts.find(digest(handle), here.browser.browser_hash, here.now)
        response = see_other(_address(handle)) if waiting is None else _answer(here, waiting, handle, parameters)
    context.logout_delivery.wake()
    return response


def _fits(parameters: Parameters) -> bool:
    return len((parameters.get("state") or "").encode()) <= _MAX_STATE


def _interaction(
    http: Request, context: AuthContext, stores: Stores, cookies: Cookies, browser_cookie: str
) -> _Interaction:
    browser, now = browser_of(http, cookies, browser_cookie), context.clock.now()
    signed_in = find_signed_in(stores, browser.session_hash, now)
    return _Interaction(context, stores, cookies, browser_cookie, browser, signed_in, now)


def _check(context: AuthContext, stores: Stores, parameters: Parameters) -> LogoutRequest:
    """Read a client's parameters; `ui_locales` and `logout_hint` tell nothing that is needed here."""
    token, issuer = parameters.get("id_token_hint"), context.token_issuer
    hint = read_hint(issuer.signer, token, issuer=issuer.issuer) if token is not None else None
    client_id = parameters.get("client_id")
    named = hint.client_id if hint is not None else client_id
    client = stores.clients.find(named) if named is not None else None
    return check_logout_request(
        hint=hint,
        hinted=token is not None,
        client_id=client_id,
        client=client if client is not None and client.disabled_at is None else None,
        redirect_uri=parameters.get("post_logout_redirect_uri"),
        state=parameters.get("state"),
    )


def _resume(here: _Interaction, handle: str) -> Response:
    """Go on with a request that waits, give its answer again, or say what has become of it."""
    waiting = here.stores.waiting_logouts.find_any(digest(handle))
    if waiting is None:
        return error_page("logout_unknown", start_again=endpoint.path)
    match progress_of(waiting, here.browser.browser_hash, here.now):
        case Progress.OPEN:
            return _advance(here, waiting.request, handle=handle)
        case Progress.ANSWERED:
            return _farewell(here, waiting)
        case Progress.FOREIGN:
            return error_page("logout_of_another_browser", start_again=endpoint.path)
        case _:
            return error_page("logout_expired", start_again=endpoint.path)


def _advance(here: _Interaction, request: LogoutRequest, *, handle: str = "") -> Response:
    """Sign out when nobody needs to be asked, else ask. `handle`: that of a request that waits already."""
    signed_in = here.signed_in
    if signed_in is None or request.concerns(signed_in.session):
        outcome = Outcome.SIGNED_OUT if signed_in is not None else Outcome.NOBODY
        if handle and not _complete(here, digest(handle), outcome):
            return _resume(here, handle)
        return _sign_out(here, request, outcome)
    return _ask(
        here,
        signed_in,
        request,
        handle or _store(here.context, here.stores, request, here.browser.browser_hash, here.browser.origin),
    )


def _ask(here: _Interaction, signed_in: SignedIn, request: LogoutRequest, handle: str) -> Response:
    client = _client(here, request)
    response = page(
        "logout.html",
        request=handle,
        csrf=csrf_token(here.browser_cookie, handle),
        session=str(signed_in.session.id),
        username=signed_in.user.username,
        reason=why_asked(request, client),
    )
    lifetime = here.context.settings.waiting_request_lifetime + RESTART_WINDOW
    here.cookies.bind(response, handle, here.browser_cookie, lifetime)
    return response


def _answer(here: _Interaction, waiting: WaitingLogout, handle: str, form: Parameters) -> Response:
    """Do what the person chose, for the session that was asked about and no other."""
    action, request = form.get("action"), waiting.request
    if here.signed_in is not None and form.get("session") != str(here.signed_in.session.id):
        return see_other(_address(handle))  # somebody else has signed in since (a second tab): ask again
    if action not in {"confirm-logout", "logout-everywhere", "cancel"}:
        return error_page("bad_form", start_again=endpoint.path)
    outcome = outcome_of(action, signed_in=here.signed_in is not None)
    if not _complete(here, waiting.handle_hash, outcome) or outcome is Outcome.STAYED:
        return see_other(_address(handle))  # what came of it, also when another tap was quicker
    return _sign_out(here, request, outcome, page_at=_address(handle))


def _complete(here: _Interaction, handle_hash: bytes, outcome: Outcome) -> bool:
    return here.stores.waiting_logouts.complete(handle_hash, here.browser.browser_hash, here.now, outcome=outcome)


def _sign_out(here: _Interaction, request: LogoutRequest, outcome: Outcome, *, page_at: str | None = None) -> Response:
    """End the session of this browser, if there is one, and send it back or say so.

    `page_at`: where the page is, for an answer to a form, which must not be a page itself.
    """
    if here.signed_in is not None:
        everywhere = outcome is Outcome.EVERYWHERE
        end_session(
            here.stores,
            here.signed_in.session,
            everywhere=everywhere,
            reason=EndReason.LOGOUT_EVERYWHERE if everywhere else EndReason.LOGOUT,
            origin=here.browser.origin,
            now=here.now,
        )
    client = _client(here, request)
    back = _way_back(request, client, outcome)
    if back is not None:
        response = see_other(back)
    else:
        response = _said(request, client, outcome) if page_at is None else see_other(page_at)
    here.cookies.clear_session(response)
    return response


def _farewell(here: _Interaction, waiting: WaitingLogout) -> Response:
    """Answer once more: for a minute as before, later by a page that offers the way back."""
    outcome, client = Outcome(waiting.outcome or ""), _client(here, waiting.request)
    back = _way_back(waiting.request, client, outcome)
    if back is not None and waiting.completed_at is not None and here.now < waiting.completed_at + REPEAT_WINDOW:
        return see_other(back)
    return _said(waiting.request, client, outcome)


def _way_back(request: LogoutRequest, client: Client | None, outcome: Outcome) -> str | None:
    """Return where the browser goes by itself. When it is unknown whose apps were meant, it must not look done."""
    return None if outcome in {Outcome.STAYED, Outcome.NOBODY_EVERYWHERE} else request.way_back(client)


def _said(request: LogoutRequest, client: Client | None, outcome: Outcome) -> Response:
    link = None if outcome is Outcome.STAYED else request.offered_way_back(client)
    return page(
        "logged_out.html",
        outcome=outcome,
        note=why_here(request, client, outcome),
        link=link,
        client_name=client.name if client is not None and link else None,
    )


def _address(handle: str) -> str:
    return f"{endpoint.path}?request={quote(handle)}"


def _client(here: _Interaction, request: LogoutRequest) -> Client | None:
    return here.stores.clients.find(request.client_id) if request.client_id is not None else None


def _store(
    context: AuthContext, stores: Stores, request: LogoutRequest, browser_hash: bytes | None, origin: Origin
) -> str:
    """Store a request that waits, and return its handle."""
    handle, now = mint_opaque_token(), context.clock.now()
    expires_at = now + context.settings.waiting_request_lifetime
    stores.waiting_logouts.add(WaitingLogout(digest(handle), request, now, expires_at, browser_hash, origin.network))
    return handle
