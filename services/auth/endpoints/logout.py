"""GET and POST /logout: sign out here, for a client that asks or for a person who comes by.

Spec: OpenID Connect RP-Initiated Logout s2 to s5; Policy: ADR-0007
In: `id_token_hint`, `client_id`, `post_logout_redirect_uri`, `state` of a client; or `request` alone, the handle of
such a request that waits; or our own form: `request`, `csrf`, `session`, `action` = confirm-logout | logout-everywhere
| cancel.
Out: 303 to the client's registered address, or a page. Nothing that is wrong with a request redirects.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.auth.audit import Origin
from services.auth.authorization.sign_in import Browser
from services.auth.authorization.signed_in import SignedIn, find_signed_in
from services.auth.clients.client import Client
from services.auth.endpoints.web.context import AuthContext, admit, context_of, origin_of
from services.auth.endpoints.web.cookies import Cookies, browser_of, cookies_of, csrf_token, csrf_token_fits
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page, see_other
from services.auth.logout.rp_initiated import LogoutRequest, WaitingLogout, check_logout_request, read_hint
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.parameters import Parameters
from services.auth.rate_limits.limits import Limit
from services.auth.revocation import end_session
from services.auth.stores import Stores
from services.auth.tokens.end_reason import EndReason

endpoint = page_endpoint("/logout", limit=Limit.LOGOUT, metadata="end_session_endpoint")

#: Longest `state`, in bytes.
_MAX_STATE = 2048

#: Why somebody was not sent back, or what was not done; `docs/errors.md` explains them.
NOTES = {
    "nothing_everywhere": "Your sign-in here had already ended, so apps and other devices were not signed out by this."
    " To sign out everywhere, sign in again and choose it there.",
    "bad_hint": "You were not sent back to the application: its proof of your sign-in is not valid.",
    "unknown_client": "You were not sent back: the request does not say which application it comes from.",
    "unregistered_address": "You were not sent back: the return address is not registered for this application.",
}


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
    handle = parameters.get("request")
    browser_cookie = cookies.browser or mint_opaque_token()
    with context.database.transaction() as stores:
        here = _interaction(http, context, stores, cookies, browser_cookie)
        if handle is not None and [name for name, _ in parameters.pairs] == ["request"]:
            stores.waiting_logouts.bind(digest(handle), here.browser.browser_hash, here.now)
            waiting = stores.waiting_logouts.find(digest(handle), here.browser.browser_hash, here.now)
            if waiting is None:
                return error_page("logout_over")
            response = _advance(here, waiting.request, handle=handle)
        else:
            response = _advance(here, _check(context, stores, parameters))
    if cookies.browser is None:
        cookies.set_browser(response, browser_cookie)
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
        return see_other(f"/logout?request={quote(handle)}")
    handle = parameters.get("request") or ""
    if cookies.browser is None or not csrf_token_fits(cookies.browser, handle, parameters.get("csrf")):
        return error_page("bad_form")
    with context.database.transaction() as stores:
        here = _interaction(http, context, stores, cookies, cookies.browser)
        waiting = stores.waiting_logouts.find(digest(handle), here.browser.browser_hash, here.now)
        response = error_page("logout_over") if waiting is None else _answer(here, waiting, handle, parameters)
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


def _advance(here: _Interaction, request: LogoutRequest, *, handle: str = "") -> Response:
    """Sign out when nobody needs to be asked, else ask. `handle`: that of a request that waits already."""
    signed_in = here.signed_in
    if signed_in is None or request.concerns(signed_in.session):
        if handle and not here.stores.waiting_logouts.complete(digest(handle), here.browser.browser_hash, here.now):
            return error_page("logout_over")
        return _sign_out(here, request, everywhere=False)
    return _ask(
        here,
        signed_in,
        request,
        handle or _store(here.context, here.stores, request, here.browser.browser_hash, here.browser.origin),
    )


def _ask(here: _Interaction, signed_in: SignedIn, request: LogoutRequest, handle: str) -> Response:
    client = _client(here, request)
    return page(
        "logout.html",
        request=handle,
        csrf=csrf_token(here.browser_cookie, handle),
        session=str(signed_in.session.id),
        username=signed_in.user.username,
        client_name=client.name if client is not None and request.proven else None,
    )


def _answer(here: _Interaction, waiting: WaitingLogout, handle: str, form: Parameters) -> Response:
    """Do what the person chose, for the session that was asked about and no other."""
    action, request = form.get("action"), waiting.request
    if here.signed_in is not None and form.get("session") != str(here.signed_in.session.id):
        return _ask(here, here.signed_in, request, handle)  # somebody else has signed in since (a second tab)
    if action not in {"confirm-logout", "logout-everywhere", "cancel"}:
        return error_page("bad_form")
    if not here.stores.waiting_logouts.complete(waiting.handle_hash, here.browser.browser_hash, here.now):
        return error_page("logout_over")
    if action == "cancel":
        return page("logged_out.html", signed_out=here.signed_in is None, note=None, link=None, client_name=None)
    return _sign_out(here, request, everywhere=action == "logout-everywhere")


def _sign_out(here: _Interaction, request: LogoutRequest, *, everywhere: bool) -> Response:
    """End the session of this browser, if there is one, and send it back or say so."""
    if here.signed_in is not None:
        end_session(
            here.stores,
            here.signed_in.session,
            everywhere=everywhere,
            reason=EndReason.LOGOUT_EVERYWHERE if everywhere else EndReason.LOGOUT,
            origin=here.browser.origin,
            now=here.now,
        )
    client = _client(here, request)
    if everywhere and here.signed_in is None:  # whose apps were meant is not known any more: it must not look done
        response = _logged_out(request, client, note="nothing_everywhere")
    else:
        back = request.way_back(client)
        response = see_other(back) if back is not None else _logged_out(request, client, note=request.note)
    here.cookies.clear_session(response)
    return response


def _logged_out(request: LogoutRequest, client: Client | None, *, note: str | None) -> Response:
    values: dict[str, Any] = {"note": NOTES[note] if note else None, "link": None, "client_name": None}
    if client is not None and (link := request.offered_way_back(client)):
        values |= {"link": link, "client_name": client.name}
    return page("logged_out.html", signed_out=True, **values)


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
