"""What the pages of a sign-in share: each belongs to one waiting request of one browser, and goes back to /authorize.

Policy: ADR-0007
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from services.auth.audit import Refusal, refuse
from services.auth.authorization.device import deny
from services.auth.authorization.evaluation import Evaluation, evaluate
from services.auth.authorization.flow import Step
from services.auth.authorization.repeat import Submission, submission_of
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.response import error_response
from services.auth.authorization.sign_in_outcome import Outcome, SignedInNow
from services.auth.authorization.sign_in_steps import Browser
from services.auth.authorization.signed_in import SignedIn
from services.auth.clients.client import Client
from services.auth.endpoints.interaction.notice import Notice
from services.auth.endpoints.interaction.over import Over, keep_response, last_step, restart_link, resume_link
from services.auth.endpoints.web.context import AuthContext, context_of
from services.auth.endpoints.web.cookies import Cookies, browser_of, cookies_of, csrf_token, csrf_token_fits
from services.auth.endpoints.web.paced import paced
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page, see_other, send_back
from services.auth.endpoints.web.reader import heed
from services.auth.opaque_token import digest
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.protocol.parameters import Parameters
from services.auth.rate_limits.pace import Pace
from services.auth.scopes import ScopeCatalogue
from services.auth.waiting import Progress, progress_of
from shared.request_context import note


@dataclass(frozen=True)
class Interaction:
    """One browser at one step of its waiting request, at `now`."""

    context: AuthContext
    cookies: Cookies
    browser_cookie: str
    browser: Browser
    handle: str
    waiting: WaitingRequest
    evaluation: Evaluation
    catalogue: ScopeCatalogue
    form: Parameters
    pace: Pace
    submission: Submission
    now: datetime

    @property
    def client(self) -> Client:
        return self.evaluation.client

    @property
    def signed_in(self) -> SignedIn | None:
        return self.evaluation.signed_in

    @property
    def step(self) -> Step:
        return self.evaluation.step

    @property
    def authorization_request(self) -> AuthorizationRequest:
        return self.waiting.request

    def page(self, template: str, *, notice: Notice | None = None, **values: Any) -> Response:
        """Render this step's page, its form bound to the request and the browser. `notice`: what it says first.

        It is shown in the popup of a client too, which waits for it as its opener; but an app that answers a click
        without a word on what it gets (/continue) has no popup, and an attacker no hold on that page.
        """
        if notice is not None:
            refuse(Refusal.REFUSED_TRY_SHOWN)
        return page(
            template,
            keeps_opener=template not in {"continue.html", "device_confirm.html"},
            status=200 if notice is None else notice.status(),
            headers={} if notice is None else notice.headers(self.now),
            error=None if notice is None else notice.sentence(self.now),
            wait=None if notice is None else notice.wait(self.now),
            request=self.handle,
            csrf=csrf_token(self.browser_cookie, self.handle),
            client_name=self.client.name,
            client=self.client,
            app=urlsplit(self.authorization_request.redirect_uri).scheme not in {"http", "https"},
            **values,
        )

    def back_to_authorize(self, outcome: Outcome | None = None) -> Response:
        """Return to the dispatcher, which knows what comes next; with the cookies of a completed sign-in."""
        return _back_to_authorize(self.cookies, self.handle, outcome)

    @property
    def is_meant(self) -> bool:
        """Whether the form shows that somebody means it: the page's script has seen it, or it was pressed twice."""
        return self.form.get("intent") in {"shown", "twice"}

    @property
    def once_more(self) -> bool:
        """Whether the page is to ask for one more click, at another place."""
        return self.form.get("once") == "more"

    def ask_once_more(self, page: str) -> Response:
        """Return to the page, which asks for one more click: no script has seen that somebody means it."""
        return see_other(f"{page}?request={quote(self.handle)}&once=more")

    def ask_again(self, notice: Notice) -> Response:
        """Return to this step's page, which says what was wrong for as long as it is loaded anew."""
        with self.context.database.autocommit() as stores:
            stores.waiting_requests.set_notice(self.waiting.handle_hash, notice.record())
        joint = "&" if "?" in notice.page else "?"
        return see_other(f"{notice.page}{joint}request={quote(self.handle)}")

    def notice_at(self, page: str) -> Notice | None:
        """Return what the page of this step has to say of the last try."""
        notice = Notice.from_record(self.waiting.notice)
        return notice if notice is not None and notice.page == page and not notice.past(self.now) else None

    def cancel(self, description: str = "The sign-in was cancelled.") -> Response:
        """End the request: the person said no."""
        response = error_response(
            self.authorization_request.redirect_uri,
            error="access_denied",
            description=description,
            state=self.authorization_request.state,
            issuer=self.context.issuer,
            mode=self.authorization_request.response_mode,
        )
        with self.context.database.transaction() as stores:
            if stores.waiting_requests.complete(
                self.waiting.handle_hash, self.browser.browser_hash, self.now, outcome="access_denied"
            ):
                deny(stores, self.authorization_request, self.now)
                keep_response(stores, last_step(self.browser_cookie, self.handle), response, self.now)
                refuse("redirect_access_denied", reason=description)
                return send_back(response)
        return self.back_to_authorize()  # another tap was quicker: its answer counts


async def interact(http: Request, handler: Callable[[Interaction], Response]) -> Response:
    """Find the interaction that a GET or POST is about, and hand it over, all in one thread hop.

    Another browser's request, an expired or finished one, and a form without this browser's CSRF token get a page.
    """
    return await paced(http, lambda pace: answer_page(http, lambda http, form: _interact(http, form, handler, pace)))


def _interact(http: Request, form: Parameters, handler: Callable[[Interaction], Response], pace: Pace) -> Response:
    context, cookies, handle = context_of(http), cookies_of(http), form.get("request")
    if form.repeated:
        return error_page("malformed_request")
    if handle is None:
        return error_page("no_request")
    browser_cookie = cookies.of_request(handle) or ""
    browser, now = browser_of(http, cookies, browser_cookie), context.clock.now()
    catalogue = context.registrations.catalogue(now)
    with context.database.autocommit() as stores:
        waiting = stores.waiting_requests.find_any(digest(handle))
        client = None if waiting is None else context.client_of(stores, waiting.request)
        progress = Progress.FOREIGN if waiting is None else progress_of(waiting, browser.browser_hash, now)
        evaluation = None
        if waiting is not None and progress is Progress.OPEN:
            evaluation = evaluate(
                stores, catalogue, waiting.request, client, waiting=waiting, session_hash=browser.session_hash, now=now
            )
    if waiting is not None:
        note(client_id=waiting.request.client_id)
        heed(waiting.request.language, handle)
    if waiting is None or progress is Progress.FOREIGN:
        return Over(waiting, client, handle, progress, cookies.none, now).answer()
    if http.method == "POST" and not csrf_token_fits(browser_cookie, handle, form.get("csrf")):
        return error_page("bad_form", start_again=restart_link(handle))
    submission = submission_of(browser_cookie, http.url.path, *sorted(form.pairs))
    if http.method == "POST" and progress is Progress.ANSWERED:
        return _back_to_authorize(cookies, handle, context.sign_in.repeated(submission, now))
    if evaluation is None:
        return Over(waiting, client, handle, progress, cookies.none, now).answer()
    return handler(
        Interaction(
            context=context,
            cookies=cookies,
            browser_cookie=browser_cookie,
            browser=browser,
            handle=handle,
            waiting=waiting,
            evaluation=evaluation,
            catalogue=catalogue,
            form=form,
            pace=pace,
            submission=submission,
            now=now,
        )
    )


def _back_to_authorize(cookies: Cookies, handle: str, outcome: Outcome | None) -> Response:
    response = see_other(resume_link(handle))
    if isinstance(outcome, SignedInNow):
        cookies.set_session(response, outcome.session_cookie)
        cookies.set_device(response, outcome.device_cookie)
    return response
