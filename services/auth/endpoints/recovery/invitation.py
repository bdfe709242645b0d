"""/invitation: somebody has been invited, and says yes.

Policy: ADR-0091
In: `token`; POST also `csrf`, `action` = accept
Out: GET a page with a button and no effect; POST 303 to /reset, where the password is chosen in this browser.
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.one_time_link import LinkKind
from services.auth.endpoints.recovery.link_visit import LinkVisit, visit_link
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, see_other
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/invitation", limit=Limit.RECOVERY, unadvertised="people come by a link that they are sent")


@endpoint.get
async def get_invitation(http: Request) -> Response:
    """Show the button. Whoever opens links without a person behind uses nothing up."""
    return await answer_page(http, lambda http, form: visit_link(http, form, _ask))


@endpoint.post
async def post_invitation(http: Request) -> Response:
    """Accept: from now on the invitation is this browser's."""
    return await answer_page(http, lambda http, form: visit_link(http, form, _accept))


def _ask(here: LinkVisit) -> Response:
    given = here.given(LinkKind.INVITATION)
    if given is None:
        return error_page("link_over")
    return here.page("invitation.html", name=given.user.display_name, username=given.user.username)


def _accept(here: LinkVisit) -> Response:
    given = here.given(LinkKind.INVITATION)
    if given is None or not here.context.new_password.accept(given, here.browser_hash, here.origin, here.now):
        return error_page("link_over")
    return see_other(f"/reset?token={quote(here.token)}")
