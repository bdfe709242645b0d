"""What the pages of one-time links share: a form that is bound to the link and to this browser.

Policy: ADR-0091
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.one_time_link import LinkKind
from services.auth.audit import Origin
from services.auth.authorization.new_password import Given
from services.auth.endpoints.web.context import AuthContext, admit, context_of, origin_of
from services.auth.endpoints.web.cookies import Cookies, cookies_of, csrf_token, csrf_token_fits
from services.auth.endpoints.web.pages import error_page, page
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.parameters import Parameters
from services.auth.waiting import RESTART_WINDOW


@dataclass(frozen=True)
class LinkVisit:
    """One browser at the page of a link, at `now`; `form` is the query of a GET."""

    context: AuthContext
    cookies: Cookies
    browser_cookie: str
    form: Parameters
    origin: Origin
    now: datetime

    @property
    def browser_hash(self) -> bytes:
        return digest(self.browser_cookie)

    @property
    def token(self) -> str:
        return self.form.get("token") or ""

    def given(self, *kinds: LinkKind) -> Given | None:
        """Return the link, if it is of one of these kinds and this browser may go on with it."""
        found = (self.context.new_password.find(self.token, kind, self.browser_hash, self.now) for kind in kinds)
        return next((each for each in found if each is not None), None)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Render a page with a form, and give the browser the cookie that the form is bound to."""
        csrf = csrf_token(self.browser_cookie, self.token)
        response = page(template, status=status, token=self.token, csrf=csrf, **values)
        lifetime = self.context.settings.waiting_request_lifetime + RESTART_WINDOW
        self.cookies.bind(response, self.token, self.browser_cookie, lifetime)
        return response


def visit_link(http: Request, form: Parameters, answer: Callable[[LinkVisit], Response]) -> Response:
    """Hand a request to a link's page over; a form without this browser's token for this link gets a page."""
    context, cookies, origin = context_of(http), cookies_of(http), origin_of(http)
    admit(http, origin)
    if form.repeated:
        return error_page("malformed_request")
    token = form.get("token") or ""
    known = cookies.of_request(token)
    if http.method == "POST" and not (known and csrf_token_fits(known, token, form.get("csrf"))):
        return error_page("bad_form")
    browser_cookie = known or mint_opaque_token()
    return answer(LinkVisit(context, cookies, browser_cookie, form, origin, context.clock.now()))
