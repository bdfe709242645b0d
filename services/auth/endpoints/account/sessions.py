"""/account/sessions: the browsers in which this person is signed in, and their end.

Policy: ADR-0118; Spec: OWASP ASVS 7.5.2
In: POST `csrf`, `action` = end (with `id`) | end-others
Out: 303 to the page again.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.account.agent_in_words import agent_in_words
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.pages import see_other
from services.auth.rate_limits.limits import Limit
from services.auth.revocation import end_others, end_session
from services.auth.tokens.end_reason import EndReason

endpoint = page_endpoint("/account/sessions", limit=Limit.AUTHORIZE, unadvertised="for people, by the menu")


@endpoint.get
async def get_sessions(http: Request) -> Response:
    """Show them, this one first."""
    return await visit(http, _show)


@endpoint.post
async def post_sessions(http: Request) -> Response:
    """End one, or all others."""
    return await visit(http, _end)


def _show(here: AccountVisit) -> Response:
    with here.context.database.autocommit() as stores:
        found = stores.own.sessions(here.user.id, here.now)
    rows = [
        {"session": each, "this": each.id == here.session.id, "agent": agent_in_words(each.agent)} for each in found
    ]
    return here.page("account/sessions.html", rows=sorted(rows, key=lambda row: not row["this"]))


def _end(here: AccountVisit) -> Response:
    match here.form.get("action"):
        case "end":
            return _end_one(here)
        case "end-others":
            with here.context.database.transaction() as stores:
                if not here.still_signed_in(stores):
                    return here.back()
                end_others(stores, here.session, reason=EndReason.ENDED_BY_USER, origin=here.origin, now=here.now)
            here.context.logout_delivery.wake()
            return here.back("ended-others")
        case _:
            return here.back()


def _end_one(here: AccountVisit) -> Response:
    wanted = here.wanted_id
    with here.context.database.transaction() as stores:
        if not here.still_signed_in(stores):
            return here.back()
        session = None if wanted is None else stores.own.session(here.user.id, wanted)
        if session is None:
            return here.back("gone")
        reason = EndReason.ENDED_BY_USER
        end_session(stores, session, everywhere=False, reason=reason, origin=here.origin, now=here.now, native_too=True)
    here.context.logout_delivery.wake()
    if session.id != here.session.id:
        return here.back("ended")
    response = see_other("/")
    here.cookies.clear_session(response)
    return response
