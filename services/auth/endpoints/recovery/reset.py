"""/reset: choose a new password, by a reset link or an invitation that this browser has accepted.

Policy: ADR-0091; Spec: NIST SP 800-63B-4 s3.1.1.2
In: `token`; POST also `csrf`, `new-password`, `action` = set-password
Out: GET a page with a form and no effect; POST 303 to /reset?done, or the page again with one sentence.
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.one_time_link import LinkKind
from services.auth.accounts.password_policy import ALONE, BESIDE_A_SECOND_FACTOR
from services.auth.audit import Refusal, refuse
from services.auth.authorization.new_password import Fault, Given, LinkOver
from services.auth.endpoints.recovery.link_visit import LinkVisit, visit_link
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page, see_other
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/reset", limit=Limit.RECOVERY, unadvertised="people come by a link that they are sent")

_DONE = "/reset?done=1"


@endpoint.get
async def get_reset(http: Request) -> Response:
    """Show the form."""
    return await answer_page(http, lambda http, form: visit_link(http, form, _show))


@endpoint.post
async def post_reset(http: Request) -> Response:
    """Set the password, and use the link up."""
    return await answer_page(http, lambda http, form: visit_link(http, form, _choose))


def _show(here: LinkVisit) -> Response:
    if here.form.get("done") is not None:
        return page("password_set.html")
    given = here.given(LinkKind.RESET, LinkKind.INVITATION)
    if given is None:
        return error_page("link_over")
    if _is_not_accepted(given):
        return see_other(f"/invitation?token={quote(here.token)}")
    return _form(here, given)


def _choose(here: LinkVisit) -> Response:
    given = here.given(LinkKind.RESET, LinkKind.INVITATION)
    if given is None or _is_not_accepted(given):
        done = here.context.new_password.was_chosen(here.token, here.browser_hash, here.now)
        return see_other(_DONE) if done else error_page("link_over")
    password = here.form.get("new-password") or ""
    outcome = here.context.new_password.choose(given, here.browser_hash, password, here.origin, here.now)
    if isinstance(outcome, Fault):
        refuse(Refusal.PASSWORD_NOT_ALLOWED, user_id=given.user.id)
        return _form(here, given, error=outcome.sentence)
    return error_page("link_over") if isinstance(outcome, LinkOver) else see_other(_DONE)


def _is_not_accepted(given: Given) -> bool:
    return given.link.kind is LinkKind.INVITATION and given.link.browser_hash is None


def _form(here: LinkVisit, given: Given, *, error: str | None = None) -> Response:
    return here.page(
        "reset.html",
        status=200 if error is None else 400,
        error=error,
        username=given.user.username,
        shortest=BESIDE_A_SECOND_FACTOR if given.user.has_second_factor else ALONE,
    )
