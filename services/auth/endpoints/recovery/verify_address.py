"""/verify-address: a link that came by mail proves an address.

Policy: ADR-0119, ADR-0091
In: `token`; POST also `csrf`, `action` = confirm-address
Out: GET a page with a button and no effect; POST 303 to /verify-address?done, in whichever browser it was opened.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.one_time_link import LinkKind
from services.auth.authorization.email_verification import Verified, verify_email
from services.auth.endpoints.recovery.link_visit import LinkVisit, visit_link
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page, see_other
from services.auth.rate_limits.limits import Limit
from shared.errors import Conflict

endpoint = page_endpoint("/verify-address", limit=Limit.RECOVERY, unadvertised="people come by a link in a mail")


@endpoint.get
async def get_verify_address(http: Request) -> Response:
    """Show the button. Whoever opens links without a person behind uses nothing up."""
    return await answer_page(http, lambda http, form: visit_link(http, form, _ask))


@endpoint.post
async def post_verify_address(http: Request) -> Response:
    """Take the address for proven. Nobody is signed in by it."""
    return await answer_page(http, lambda http, form: visit_link(http, form, _verify))


def _ask(here: LinkVisit) -> Response:
    if here.form.get("done") is not None:
        return page("address_verified.html")
    given = here.given(LinkKind.VERIFICATION)
    if given is None:
        return error_page("link_over")
    return here.page("verify_address.html", email=given.link.email, username=given.user.username)


def _verify(here: LinkVisit) -> Response:
    given = here.given(LinkKind.VERIFICATION)
    if given is None:
        again = here.context.new_password.was_chosen(here.token, here.browser_hash, here.now)
        return see_other("/verify-address?done=1") if again else error_page("link_over")
    try:
        with here.context.database.transaction() as stores:
            outcome = verify_email(stores, given.link, here.browser_hash, here.origin, here.now)
    except Conflict:
        outcome = Verified.TAKEN
    if outcome is Verified.DONE:
        return see_other("/verify-address?done=1")
    return error_page("address_taken" if outcome is Verified.TAKEN else "link_over")
