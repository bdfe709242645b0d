"""/forgot: ask for a link to choose a new password.

Policy: ADR-0091, ADR-0093; Spec: NIST SP 800-63B-4 s4.2, OWASP ASVS 6.3.8
In: POST `email` (an address or a user name), `csrf`, `action` = send-link
Out: GET a form; POST 303 to /forgot?sent, whoever was meant: the same statements, and no wait for a mail.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.email_address import MAX_LENGTH
from services.auth.accounts.user import normalise_username
from services.auth.audit import AuditEvent, Refusal, refuse
from services.auth.endpoints.recovery.link_visit import LinkVisit, visit_link
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import page, see_other
from services.auth.language import gettext as _
from services.auth.mail.outbox import queue_reset
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/forgot", limit=Limit.RECOVERY, unadvertised="the sign-in page sends people there")


@endpoint.get
async def get_forgot(http: Request) -> Response:
    """Show the form."""
    return await answer_page(http, lambda http, form: visit_link(http, form, _show))


@endpoint.post
async def post_forgot(http: Request) -> Response:
    """Queue a mail, and say the same whether or not somebody gets one."""
    return await answer_page(http, lambda http, form: visit_link(http, form, _send))


def _show(here: LinkVisit) -> Response:
    if here.form.get("sent") is not None:
        return page("forgot_sent.html")
    return here.page("forgot.html", sends=here.context.sends_mail, error=None, email="")


def _send(here: LinkVisit) -> Response:
    if not here.context.sends_mail:
        return _show(here)
    typed = here.form.get("email") or ""
    key = normalise_username(typed)
    if not key or len(key) > MAX_LENGTH:
        refuse(Refusal.REQUEST_MALFORMED)
        sentence = _("Enter your e-mail address or your user name.")
        return here.page("forgot.html", status=400, sends=True, error=sentence, email=typed[:MAX_LENGTH])
    with here.context.database.transaction() as stores:
        queued = queue_reset(stores, key, here.now)
        event = "password_reset_asked" if queued else "password_reset_asked_too_often"
        stores.audit.record(AuditEvent(event, here.now, origin=here.origin))
    return see_other("/forgot?sent=1")
