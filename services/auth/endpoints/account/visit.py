"""What the account pages share: a browser in which somebody is signed in, and the form token of that session.

Policy: ADR-0118; Spec: OWASP ASVS 7.5.1 (fresh authentication), RFC 9700 s4.11 (no open redirect)
Without a session the browser goes through the sign-in of every application and comes back to the page that it asked
for: the address is ours, made from the page's declaration, and no parameter names it. What is sensitive asks for a
sign-in of the last ten minutes, with the second factor of whoever has one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.browser_session import ACR_MFA, BrowserSession
from services.auth.accounts.user import User
from services.auth.audit import Origin, Refusal, refuse
from services.auth.authorization.own.change import Changed, changed_before
from services.auth.authorization.passkey_registration import may_add_unasked
from services.auth.authorization.repeat import submission_of
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.signed_in import SignedIn, find_signed_in
from services.auth.clients.account_pages import ACCOUNT_PAGES
from services.auth.endpoints.account.navigation import NAVIGATION
from services.auth.endpoints.web.context import AuthContext, admit, context_of, endpoint_of, origin_of
from services.auth.endpoints.web.cookies import Cookies, cookies_of, csrf_token, csrf_token_fits
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page, see_other
from services.auth.language import gettext
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.protocol.parameters import Parameters
from services.auth.stores import Stores
from services.auth.waiting import RESTART_WINDOW

#: How old a sign-in may be where something sensitive is shown or changed.
FRESH = timedelta(minutes=10)


@dataclass(frozen=True)
class AccountVisit:
    """A signed-in browser at one of the pages, at `now`; `form` is the query of a GET."""

    context: AuthContext
    cookies: Cookies
    session_cookie: str
    signed_in: SignedIn
    path: str
    form: Parameters
    origin: Origin
    now: datetime

    @property
    def user(self) -> User:
        return self.signed_in.user

    @property
    def session(self) -> BrowserSession:
        return self.signed_in.session

    @property
    def fresh(self) -> bool:
        """Whether the person has just signed in, by every factor that they have."""
        return is_fresh(self.signed_in, self.now)

    @property
    def may_add_passkey(self) -> bool:
        """Whether the browser may add a passkey by itself."""
        return self.context.passkey_sign_in is not None and may_add_unasked(self.signed_in, self.now)

    @property
    def form_token(self) -> str:
        """What every form of these pages carries as `csrf`: nobody makes it without this session's cookie."""
        return csrf_token(self.session_cookie, ACCOUNT_PAGES)

    @property
    def wanted_id(self) -> UUID | None:
        """Whose row a form is about; None: what it sent is no id."""
        try:
            return UUID(self.form.get("id") or "")
        except ValueError:
            return None

    def page(self, template: str, *, status: int = 200, error: str | None = None, **values: Any) -> Response:
        """Render a page of the account; `error` is the sentence of its alert, and makes the status 400."""
        if error is not None:
            refuse(Refusal.ACCOUNT_FORM_REFUSED, user_id=self.user.id)
        return page(
            template,
            status=status if error is None else 400,
            error=error,
            csrf=self.form_token,
            navigation=[(path, gettext(label)) for path, label in NAVIGATION],
            here=self.path,
            username=self.user.username,
            name=self.user.display_name,
            may_add_passkey=self.may_add_passkey,
            done=self.form.get("done"),
            **values,
        )

    def still_signed_in(self, stores: Stores) -> bool:
        """Hold the user against every end, and report whether this session has not ended meanwhile."""
        stores.users.lock_for_end(self.user.id)
        return find_signed_in(stores, digest(self.session_cookie), self.now) is not None

    def back(self, done: str | None = None) -> Response:
        """Go to the page by GET again, which says what was done: `done` is a word that its template knows."""
        return see_other(self.path if done is None else f"{self.path}?done={quote(done)}")

    def sign_in_anew(self) -> Response:
        """Ask for a sign-in of now, and come back to the page."""
        return _lead_through_sign_in(self.context, self.cookies, self.origin, self.path, self.signed_in, self.now)


async def visit(http: Request, answer: Callable[[AccountVisit], Response], *, fresh: bool = False) -> Response:
    """Let `answer` answer for whoever is signed in, all in one thread hop; nobody is: lead them through the sign-in.

    A POST needs the form token of this session. `fresh`: the sign-in must be one of the last `FRESH`.
    """
    return await answer_page(http, lambda http, form: _visit(http, form, answer, fresh=fresh))


def is_fresh(signed_in: SignedIn, now: datetime) -> bool:
    """Say whether a sign-in is at most `FRESH` old, and by two factors if the user has a second one."""
    return now - signed_in.session.auth_time <= FRESH and signed_in.by_every_factor(now)


def _visit(http: Request, form: Parameters, answer: Callable[[AccountVisit], Response], *, fresh: bool) -> Response:
    context, cookies, origin, path = context_of(http), cookies_of(http), origin_of(http), endpoint_of(http).path
    admit(http, origin)
    if form.repeated:
        return error_page("malformed_request", start_again=path)
    now, signed_in = context.clock.now(), None
    if cookies.session is not None:
        with context.database.autocommit() as stores:
            signed_in = find_signed_in(stores, digest(cookies.session), now)
    if form.get("error") is not None:  # how a sign-in that was cancelled comes back
        return see_other("/" if signed_in is None or path == "/account" else "/account")
    if signed_in is None and cookies.session is not None and http.method == "POST":
        submission = submission_of(cookies.session, path, *sorted(form.pairs))
        with context.database.autocommit() as stores:
            before = changed_before(stores, submission, now)
        if before is not None:  # the first of two taps has given the session its new cookie
            return renewed(cookies, before)
    if signed_in is None or cookies.session is None:
        return _lead_through_sign_in(context, cookies, origin, path, None, now)
    if http.method == "POST" and not csrf_token_fits(cookies.session, ACCOUNT_PAGES, form.get("csrf")):
        return error_page("bad_form", start_again=path)
    here = AccountVisit(context, cookies, cookies.session, signed_in, path, form, origin, now)
    return here.sign_in_anew() if fresh and not here.fresh else answer(here)


def renewed(cookies: Cookies, changed: Changed) -> Response:
    """Lead on after a change of a way to sign in, with the session's new cookie."""
    response = see_other(changed.leads_to)
    cookies.set_session(response, changed.session_cookie)
    cookies.set_device(response, changed.device_cookie)
    return response


def _lead_through_sign_in(
    context: AuthContext, cookies: Cookies, origin: Origin, path: str, signed_in: SignedIn | None, now: datetime
) -> Response:
    """Store a request of the account pages that waits for this browser, and send it to the dispatcher.

    `signed_in`: who is to confirm that it is them; None: anybody.
    """
    handle, browser_cookie = mint_opaque_token(), cookies.browser or mint_opaque_token()
    request = AuthorizationRequest(ACCOUNT_PAGES, f"{context.issuer}{path}", frozenset({"openid"}))
    if signed_in is not None:
        request = AuthorizationRequest(
            ACCOUNT_PAGES,
            request.redirect_uri,
            request.scopes,
            max_age=int(FRESH.total_seconds()),
            subjects=frozenset({signed_in.user.subject}),
            acr_values=frozenset({ACR_MFA}),
        )
    lifetime = context.settings.waiting_request_lifetime
    waiting = WaitingRequest(
        digest(handle), request, now, now + lifetime, digest(browser_cookie), network=origin.network
    )
    with context.database.transaction() as stores:
        stores.waiting_requests.add(waiting)
    response = see_other(f"/authorize?request={quote(handle)}")
    cookies.bind(response, handle, browser_cookie, lifetime + RESTART_WINDOW)
    return response
