"""/account/profile: what this person is called.

Policy: ADR-0118
In: POST `csrf`, `display-name`, `action` = save-name
Out: 303 to the page again, or the page with one sentence and what was typed.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.person_name import MAX_LENGTH, parse_display_name
from services.auth.audit import AuditEvent
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.language import gettext
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/account/profile", limit=Limit.AUTHORIZE, unadvertised="for people, by the menu")


@endpoint.get
async def get_profile(http: Request) -> Response:
    """Show name, user name and address."""
    return await visit(http, lambda here: _show(here, here.user.display_name))


@endpoint.post
async def post_profile(http: Request) -> Response:
    """Change the name."""
    return await visit(http, _save)


def _save(here: AccountVisit) -> Response:
    typed = here.form.get("display-name") or ""
    try:
        wanted = parse_display_name(typed)
    except ValueError as fault:
        return _show(here, typed[:MAX_LENGTH], error=gettext(str(fault)))
    if wanted != here.user.display_name:
        with here.context.database.transaction() as stores:
            stores.people.set_display_name(here.user.id, wanted, here.now)
            stores.audit.record(AuditEvent("profile_changed", here.now, user_id=here.user.id, origin=here.origin))
    return here.back("saved")


def _show(here: AccountVisit, display_name: str, *, error: str | None = None) -> Response:
    return here.page(
        "account/profile.html",
        error=error,
        display_name=display_name,
        email=here.user.email,
        verified=here.user.verified_email is not None,
    )
