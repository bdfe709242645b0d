"""GET /account: who this is, and what needs their attention.

Policy: ADR-0118
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.language import gettext as _
from services.auth.rate_limits.limits import Limit
from services.auth.stores import Stores

endpoint = page_endpoint("/account", limit=Limit.AUTHORIZE, unadvertised="for people, by the start page")


@dataclass(frozen=True)
class Attention:
    """One thing that a person should look at: a sentence, and the page where something can be done about it."""

    sentence: str
    path: str
    label: str


def _second_step(here: AccountVisit, stores: Stores) -> Iterable[Attention]:
    del stores
    if not here.user.has_second_factor:
        yield Attention(
            _("You sign in by your password alone. A second step keeps out whoever has found it out."),
            "/account/sign-in-methods",
            _("See your sign-in methods"),
        )


def _recovery_codes(here: AccountVisit, stores: Stores) -> Iterable[Attention]:
    if here.user.has_second_factor and not stores.recovery_codes.count(here.user.id):
        yield Attention(
            _("No codes are left. Without one, losing your phone keeps you out."),
            "/account/recovery-codes",
            _("Make new codes"),
        )


#: What may have something to say, the most urgent first.
ATTENTION: tuple[Callable[[AccountVisit, Stores], Iterable[Attention]], ...] = (_second_step, _recovery_codes)


@endpoint.get
async def get_home(http: Request) -> Response:
    """Show the page."""
    return await visit(http, _home)


def _home(here: AccountVisit) -> Response:
    with here.context.database.autocommit() as stores:
        attention = [each for look in ATTENTION for each in look(here, stores)]
    return here.page("account/home.html", attention=attention, email=here.user.email)
