"""/account/email: another e-mail address. It counts once the link is used that is sent there.

Policy: ADR-0119
In: POST `csrf`, `email`, `action` = send-verification
Out: 303 to the page again, or the page with one sentence and what was typed; whoever else may have that address.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.email_address import MAX_LENGTH, parse_email_address
from services.auth.authorization.email_verification import ask_for_verification
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.language import gettext
from services.auth.language import gettext as _
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/account/email", limit=Limit.RECOVERY, unadvertised="for people, by their profile")


@endpoint.get
async def get_email(http: Request) -> Response:
    """Show the form to whoever has just signed in."""
    return await visit(http, lambda here: _show(here, here.user.email or ""), fresh=True)


@endpoint.post
async def post_email(http: Request) -> Response:
    """Send a link to the address."""
    return await visit(http, _send, fresh=True)


def _send(here: AccountVisit) -> Response:
    typed = here.form.get("email") or ""
    try:
        address = parse_email_address(typed)
    except ValueError as fault:
        return _show(here, typed[:MAX_LENGTH], error=gettext(str(fault)))
    if not here.context.sends_mail:
        return here.back()
    if here.user.verified_email is not None and address.key == here.user.email_key:
        return _show(here, typed, error=_("That is your address already."))
    with here.context.database.transaction() as stores:
        sent = ask_for_verification(stores, here.user, address.text, here.origin, here.now)
    if not sent:
        return _show(here, typed, error=_("There were too many mails to that address. Try again in an hour."))
    return here.back("sent")


def _show(here: AccountVisit, email: str, *, error: str | None = None) -> Response:
    return here.page("account/email.html", error=error, email=email, sends=here.context.sends_mail)
