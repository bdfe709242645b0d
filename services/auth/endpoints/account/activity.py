"""GET /account/activity: what happened to this account, in plain words.

Policy: ADR-0078, ADR-0118
In: `before`, the id of the last event that was shown
"""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from services.auth.clients.account_pages import ACCOUNT_PAGES
from services.auth.endpoints.account.activity_words import WORDS
from services.auth.endpoints.account.agent_in_words import agent_in_words
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.language import gettext
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/account/activity", limit=Limit.AUTHORIZE, unadvertised="for people, by the menu")

_PAGE = 30


@endpoint.get
async def get_activity(http: Request) -> Response:
    """Show the newest first, a page at a time."""
    return await visit(http, _show)


def _show(here: AccountVisit) -> Response:
    with here.context.database.autocommit() as stores:
        found = stores.own.events(here.user.id, frozenset(WORDS), before=_before(here), limit=_PAGE + 1)
    shown = found[:_PAGE]
    rows = [
        {
            "event": each,
            "says": gettext(WORDS[each.event]),
            "agent": agent_in_words(each.agent),
            "times": int(each.details.get("count", 1)),
        }
        for each in shown
    ]
    return here.page(
        "account/activity.html", rows=rows, own=ACCOUNT_PAGES, older=str(shown[-1].id) if len(found) > _PAGE else None
    )


def _before(here: AccountVisit) -> UUID | None:
    try:
        return UUID(here.form.get("before") or "")
    except ValueError:
        return None
