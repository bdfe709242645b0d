"""What the pages of a sign-in share: each belongs to one waiting request of one browser, and goes back to /authorize.

Policy: ADR-0007
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.auth.audit import refuse
from services.auth.authorization.evaluation import Evaluation, evaluate
from services.auth.authorization.flow import Step
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.response import error_response
from services.auth.authorization.sign_in import Browser
from services.auth.authorization.signed_in import SignedIn
from services.auth.clients.client import Client
from services.auth.endpoints.web.context import AuthContext, context_of
from services.auth.endpoints.web.cookies import Cookies, browser_of, cookies_of, csrf_token, csrf_token_fits
from services.auth.endpoints.web.paced import paced
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page, see_other, send_back
from services.auth.opaque_token import digest
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.protocol.parameters import Parameters
from services.auth.rate_limits.pace import Pace
from services.auth.scopes import ScopeCatalogue
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

    def page(
        self, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
    ) -> Response:
        """Render this step's page, its form bound to the request and the browser."""
        return page(
            template,
            status=status,
            headers=headers,
            request=self.handle,
            csrf=csrf_token(self.browser_cookie, self.handle),
            client_name=self.client.name,
            **values,
        )

    def back_to_authorize(self) -> Response:
        """Return to the dispatcher, which knows what comes next."""
        return see_other(f"/authorize?request={quote(self.handle)}")

    def cancel(self, description: str = "The sign-in was cancelled.") -> Response:
        """End the request: the person said no."""
        with self.context.database.transaction() as stores:
            done = stores.waiting_requests.complete(self.waiting.handle_hash, self.browser.browser_hash, self.now)
        if not done:
            return error_page("request_over")
        refuse("redirect_access_denied", reason=description)
        return send_back(
            error_response(
                self.authorization_request.redirect_uri,
                error="access_denied",
                description=description,
                state=self.authorization_request.state,
                issuer=self.context.issuer,
                mode=self.authorization_request.response_mode,
            )
        )


async def interact(http: Request, handler: Callable[[Interaction], Response]) -> Response:
    """Find the interaction that a GET or POST is about, and hand it over, all in one thread hop.

    Another browser's request, an expired or finished one, and a form without this browser's CSRF token get a page.
    """
    return await paced(http, lambda pace: answer_page(http, lambda http, form: _interact(http, form, handler, pace)))


def _interact(http: Request, form: Parameters, handler: Callable[[Interaction], Response], pace: Pace) -> Response:
    context, cookies, handle = context_of(http), cookies_of(http), form.get("request")
    if form.repeated:
        return error_page("malformed_request")
    if handle is None or cookies.browser is None:
        return error_page("request_over")
    if http.method == "POST" and not csrf_token_fits(cookies.browser, handle, form.get("csrf")):
        return error_page("bad_form")
    browser, now = browser_of(http, cookies, cookies.browser), context.clock.now()
    catalogue = context.registrations.catalogue(now)
    with context.database.autocommit() as stores:
        waiting = stores.waiting_requests.find(digest(handle), browser.browser_hash, now)
        if waiting is None:
            return error_page("request_over")
        note(client_id=waiting.request.client_id)
        client = stores.clients.find(waiting.request.client_id)
        evaluation = evaluate(
            stores, catalogue, waiting.request, client, waiting=waiting, session_hash=browser.session_hash, now=now
        )
    if evaluation is None:
        return error_page("request_over")
    return handler(
        Interaction(
            context=context,
            cookies=cookies,
            browser_cookie=cookies.browser,
            browser=browser,
            handle=handle,
            waiting=waiting,
            evaluation=evaluation,
            catalogue=catalogue,
            form=form,
            pace=pace,
            now=now,
        )
    )
