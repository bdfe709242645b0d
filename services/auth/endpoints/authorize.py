"""GET and POST /authorize: the dispatcher of a sign-in.

Spec: RFC 6749 s4.1.1, OpenID Connect Core s3.1.2, RFC 9126 s4, RFC 9207; Policy: ADR-0007
In: the parameters of a client's request; or `client_id` and `request_uri` of one that it has pushed; or `request`
alone, the handle of one that waits (a request object, RFC 9101, never comes without client_id: no confusion); or
`restart` alone, the handle of one that is to begin anew.
Out: 303 to the next step's page or back to the client (form_post: a page that posts itself there), or an error page.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.browser_session import BrowserSession
from services.auth.audit import Origin, refuse
from services.auth.authorization.code import issue_code
from services.auth.authorization.device import allow, deny
from services.auth.authorization.evaluation import Evaluation, evaluate
from services.auth.authorization.flow import Confirm, Consent, Enrol, IssueCode, Login, Mfa
from services.auth.authorization.pushed import claim_pushed_request, handle_of_request_uri
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.response import AuthorizationResponse, code_response, error_response
from services.auth.authorization.sign_in_steps import Browser
from services.auth.authorization.signed_in import SignedIn
from services.auth.clients.account_pages import ACCOUNT_PAGES
from services.auth.clients.client import Client
from services.auth.endpoints.interaction.over import Over, keep_response, last_step, same_response
from services.auth.endpoints.web.context import AuthContext, admit, context_of, origin_of
from services.auth.endpoints.web.cookies import Cookies, browser_of, cookies_of
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, see_other, send_back
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.protocol.errors import ErrorPage, ErrorRedirect
from services.auth.protocol.parameters import Parameters
from services.auth.rate_limits.limits import Limit
from services.auth.scopes import ScopeCatalogue
from services.auth.stores import Stores
from services.auth.waiting import RESTART_WINDOW, Progress, progress_of

endpoint = page_endpoint("/authorize", limit=Limit.AUTHORIZE, metadata="authorization_endpoint")

#: A session's idle limit is moved by no less than this: a statement at each request would be for nothing.
_TOUCH_AFTER = timedelta(minutes=1)
_PAGES = {Login: "/login", Mfa: "/mfa", Enrol: "/account/sign-in-methods", Confirm: "/continue", Consent: "/consent"}


@endpoint.get
async def get_authorize(http: Request) -> Response:
    """Take a request one step further."""
    return await answer_page(http, _get)


@endpoint.post
async def post_authorize(http: Request) -> Response:
    """Store the request unbound and go on by GET: a cross-site POST comes without our Lax cookies."""
    return await answer_page(http, _post)


def _get(http: Request, parameters: Parameters) -> Response:
    context, cookies, now = context_of(http), cookies_of(http), context_of(http).moment()
    named = [name for name, _ in parameters.pairs]
    pushed = _pushed_handle(parameters)
    # a handle of ours has no dot; a client's request object, which has the same name, has two or four
    waits = named == ["request"] and "." not in (parameters.get("request") or "")
    handle = parameters.get("request") if waits else pushed
    known = cookies.browser if handle is None else cookies.of_request(handle)
    browser_cookie = known or mint_opaque_token()
    browser = browser_of(http, cookies, browser_cookie)
    admit(http, browser.origin)
    interaction = _Interaction(context, cookies, browser_cookie, browser, context.registrations.catalogue(now), now)
    if pushed is not None:
        return interaction.begin_pushed(parameters, pushed)
    if handle is not None:
        return interaction.resume(handle)
    if named == ["restart"]:
        return interaction.restart(parameters.get("restart") or "")
    try:
        request = context.authorization_requests.validate(parameters, now)
    except (ErrorPage, ErrorRedirect) as error:
        return _error_response(context, error)
    return interaction.begin(request)


def _post(http: Request, parameters: Parameters) -> Response:
    context = context_of(http)
    now = context.moment()
    origin = origin_of(http)
    admit(http, origin)
    if _pushed_handle(parameters) is not None:  # is stored already
        named = [(name, value) for name, value in parameters.pairs if name in {"client_id", "request_uri"}]
        return see_other(f"/authorize?{urlencode(named)}")
    try:
        request = context.authorization_requests.validate(parameters, now)
    except (ErrorPage, ErrorRedirect) as error:
        return _error_response(context, error)
    with context.database.transaction() as stores:
        handle = _store(context, stores, request, None, origin, now)
    return see_other(f"/authorize?request={quote(handle)}")


def _pushed_handle(parameters: Parameters) -> str | None:
    """Return the handle in a request_uri of ours; every other request_uri is for the checks to refuse."""
    request_uri = None if "request_uri" in parameters.repeated else parameters.get("request_uri")
    return None if request_uri is None else handle_of_request_uri(request_uri)


def _error_response(context: AuthContext, error: ErrorPage | ErrorRedirect) -> Response:
    if isinstance(error, ErrorPage):
        return error_page(error.case)
    return send_back(_error_to_client(context, error))


def _error_to_client(context: AuthContext, error: ErrorRedirect) -> AuthorizationResponse:
    refuse(f"redirect_{error.error}", reason=error.description)
    return error_response(
        error.redirect_uri,
        error=error.error,
        description=error.description,
        state=error.state,
        issuer=context.issuer,
        mode=error.response_mode,
    )


@dataclass(frozen=True)
class _Interaction:
    """One browser at /authorize, at one moment."""

    context: AuthContext
    cookies: Cookies
    browser_cookie: str
    browser: Browser
    catalogue: ScopeCatalogue
    now: datetime

    def begin(self, request: AuthorizationRequest) -> Response:
        """Answer a request that has just come: by a page it becomes one that waits.

        The client is the one that the checks have just found. Nothing is changed but by single statements: a code that
        an end overtakes is refused when it is redeemed.
        """
        client = self.context.registrations.find_client(request.client_id, self.now)
        with self.context.database.statement() as stores:
            return self._advance(stores, request, client)

    def restart(self, handle: str) -> Response:
        """Begin a request anew that this browser, or another one, did not finish: as if its link was opened again."""
        with self.context.database.autocommit() as stores:
            waiting = stores.waiting_requests.find_any(digest(handle))
        if waiting is None or waiting.browser_hash is None:
            return error_page("request_unknown")
        if waiting.request.client_id == ACCOUNT_PAGES or waiting.request.device is not None:
            return see_other(urlsplit(waiting.request.redirect_uri).path)
        return self.begin(waiting.request)

    def begin_pushed(self, parameters: Parameters, handle: str) -> Response:
        """Go on with a request that its client has pushed; the other parameters count for nothing (RFC 9101 s5)."""
        client_id = None if "client_id" in parameters.repeated else parameters.get("client_id")
        if client_id is None:
            return error_page("missing_client")
        lifetime = self.context.settings.waiting_request_lifetime
        with self.context.database.transaction() as stores:
            waiting = claim_pushed_request(
                stores.waiting_requests,
                handle,
                client_id,
                self.browser.browser_hash,
                network=self.browser.origin.network,
                lifetime=lifetime,
                now=self.now,
            )
            if waiting is None:
                return self._pushed_before(stores, handle, client_id)
            client = stores.clients.find(waiting.request.client_id)
            return self._advance(stores, waiting.request, client, waiting=waiting, handle=handle)

    def _pushed_before(self, stores: Stores, handle: str, client_id: str) -> Response:
        """Answer this browser again whose pushed request was answered a moment ago."""
        waiting = stores.waiting_requests.find_any(digest(handle))
        if waiting is None or waiting.request.client_id != client_id:
            return error_page("pushed_request_over")
        answered = progress_of(waiting, self.browser.browser_hash, self.now) is Progress.ANSWERED
        return self._over(stores, handle) if answered else error_page("pushed_request_over")

    def resume(self, handle: str) -> Response:
        """Go on with a waiting request; an unbound one becomes this browser's."""
        with self.context.database.transaction() as stores:
            stores.waiting_requests.bind(digest(handle), self.browser.browser_hash, self.now)
            waiting = stores.waiting_requests.find(digest(handle), self.browser.browser_hash, self.now)
            if waiting is None:
                return self._over(stores, handle)
            client = self.context.client_of(stores, waiting.request)
            return self._advance(stores, waiting.request, client, waiting=waiting, handle=handle)

    def _over(self, stores: Stores, handle: str) -> Response:
        """Give a browser that comes again the same answer, or say what has become of its request."""
        waiting = stores.waiting_requests.find_any(digest(handle))
        client = None if waiting is None else self.context.client_of(stores, waiting.request)
        progress = Progress.FOREIGN if waiting is None else progress_of(waiting, self.browser.browser_hash, self.now)
        over = Over(waiting, client, handle, progress, self.cookies.none, self.now)
        same = None
        if over.may_be_answered_again:
            same = same_response(stores, last_step(self.browser_cookie, handle), self.now)
        return same or over.answer()

    def _advance(
        self,
        stores: Stores,
        request: AuthorizationRequest,
        client: Client | None,
        *,
        waiting: WaitingRequest | None = None,
        handle: str = "",
    ) -> Response:
        """Do what `next_step` says: a page, a code or an error. `handle` comes with `waiting`."""
        session_hash = self.browser.session_hash
        evaluation = evaluate(
            stores, self.catalogue, request, client, waiting=waiting, session_hash=session_hash, now=self.now
        )
        if evaluation is None:
            return error_page("unknown_client")
        step = evaluation.step
        if isinstance(step, Login | Mfa | Enrol | Confirm | Consent):
            handle = handle or _store(
                self.context, stores, request, self.browser.browser_hash, self.browser.origin, self.now
            )
            return self._to_page(_PAGES[type(step)], handle)
        if isinstance(step, IssueCode):
            self._keep_alive(stores, step.signed_in.session, hold=waiting is not None)
        outcome = "code" if isinstance(step, IssueCode) else step.error
        if waiting is not None and not stores.waiting_requests.complete(
            waiting.handle_hash, self.browser.browser_hash, self.now, outcome=outcome
        ):
            return self._over(stores, handle)
        if isinstance(step, IssueCode):
            response = self._issue(stores, request, evaluation, step.signed_in)
        else:
            deny(stores, request, self.now)
            mode = request.response_mode
            error = ErrorRedirect(request.redirect_uri, request.state, step.error, step.description, mode)
            response = _error_to_client(self.context, error)
        if waiting is not None:
            keep_response(stores, last_step(self.browser_cookie, handle), response, self.now)
            return send_back(response)
        sent_back = send_back(response)
        self.cookies.introduce(sent_back, self.browser_cookie)
        return sent_back

    def _to_page(self, path: str, handle: str) -> Response:
        response = see_other(f"{path}?request={quote(handle)}")
        lifetime = self.context.settings.waiting_request_lifetime + RESTART_WINDOW
        self.cookies.bind(response, handle, self.browser_cookie, lifetime)
        return response

    def _keep_alive(self, stores: Stores, session: BrowserSession, *, hold: bool) -> None:
        """Move the session's idle limit, unless that would move it by less than a minute.

        `hold`: move it anyhow, so that its row is held before that of the request, as an end takes them.
        """
        lifetime = self.context.settings.session_idle_lifetime
        idle_expires_at = self.now + lifetime
        if hold or idle_expires_at - session.idle_expires_at >= min(_TOUCH_AFTER, lifetime / 10):
            stores.sessions.touch(session.id, idle_expires_at=idle_expires_at)

    def _issue(
        self, stores: Stores, request: AuthorizationRequest, evaluation: Evaluation, signed_in: SignedIn
    ) -> AuthorizationResponse:
        if request.client_id == ACCOUNT_PAGES:  # they are here, and need no code
            return AuthorizationResponse(request.redirect_uri, {})
        if not evaluation.client.first_party:  # a scope that its user could not allow stays out, also if a role comes
            request = replace(request, scopes=request.scopes & evaluation.consent.given)
        origin, lifetime = self.browser.origin, self.context.settings.code_lifetime
        if request.device is not None:
            allowed = allow(stores, request, signed_in, origin=origin, now=self.now)
            return AuthorizationResponse(request.redirect_uri, {"done": "1"} if allowed else {"error": "expired"})
        code = issue_code(stores.codes, request, signed_in, lifetime=lifetime, origin=origin, now=self.now)
        return code_response(request, code, issuer=self.context.issuer)


def _store(
    context: AuthContext,
    stores: Stores,
    request: AuthorizationRequest,
    browser_hash: bytes | None,
    origin: Origin,
    now: datetime,
) -> str:
    """Store a request that waits, and return its handle."""
    handle, expires_at = mint_opaque_token(), now + context.settings.waiting_request_lifetime
    stores.waiting_requests.add(
        WaitingRequest(digest(handle), request, now, expires_at, browser_hash, network=origin.network)
    )
    return handle
