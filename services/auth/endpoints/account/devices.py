"""/account/devices: the apps that this person has signed in to, on whichever phone or computer, and their end.

Policy: ADR-0118
In: POST `csrf`, `id`, `action` = end
Out: 303 to the page again.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.account.agent_in_words import agent_in_words
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit
from services.auth.revocation import end_own_family
from services.auth.tokens.end_reason import EndReason

endpoint = page_endpoint("/account/devices", limit=Limit.AUTHORIZE, unadvertised="for people, by the menu")


@endpoint.get
async def get_devices(http: Request) -> Response:
    """Show them, the last used first."""
    return await visit(http, _show)


@endpoint.post
async def post_devices(http: Request) -> Response:
    """End one: its app has to sign in anew."""
    return await visit(http, _end)


def _show(here: AccountVisit) -> Response:
    with here.context.database.autocommit() as stores:
        found = stores.own.installs(here.user.id, here.now)
    rows = [{"install": each, "agent": each.label or agent_in_words(each.agent)} for each in found]
    return here.page("account/devices.html", rows=rows)


def _end(here: AccountVisit) -> Response:
    wanted = here.wanted_id
    if here.form.get("action") != "end" or wanted is None:
        return here.back("gone")
    reason = EndReason.ENDED_BY_USER
    with here.context.database.transaction() as stores:
        ended = end_own_family(stores, here.user.id, wanted, reason=reason, origin=here.origin, now=here.now)
    return here.back("ended" if ended else "gone")
