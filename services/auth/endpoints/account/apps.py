"""/account/apps: what this person has allowed to whom, and how they take it back.

Policy: ADR-0022, ADR-0118; Spec: OWASP ASVS 10.7.3
In: POST `csrf`, `id` (a client_id), `action` = withdraw
Out: 303 to the page again; the app's codes and tokens have ended.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.authorization.consent import withdraw_consent
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/account/apps", limit=Limit.AUTHORIZE, unadvertised="for people, by the menu")


@endpoint.get
async def get_apps(http: Request) -> Response:
    """Show them by name."""
    return await visit(http, _show)


@endpoint.post
async def post_apps(http: Request) -> Response:
    """Withdraw what one was allowed."""
    return await visit(http, _withdraw)


def _show(here: AccountVisit) -> Response:
    catalogue = here.context.registrations.catalogue(here.now)
    with here.context.database.autocommit() as stores:
        found = stores.own.apps(here.user.id)
    rows = [{"app": each, "may": catalogue.describe(each.scopes)} for each in found]
    return here.page("account/apps.html", rows=rows)


def _withdraw(here: AccountVisit) -> Response:
    client_id = here.form.get("id")
    if here.form.get("action") != "withdraw" or not client_id:
        return here.back("gone")
    with here.context.database.transaction() as stores:
        if client_id not in {app.client_id for app in stores.own.apps(here.user.id)}:
            return here.back("gone")
        withdraw_consent(stores, here.user.id, client_id, origin=here.origin, now=here.now)
    return here.back("withdrawn")
