"""/account/recovery-codes: ten codes that are shown once, and how many of them are left.

Policy: ADR-0114
In: POST `csrf`, `action` = make-codes | codes-saved
Out: GET the codes for as long as they are to be saved, else how many are left; POST 303.
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.account.change import METHODS, changer_of
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.pages import see_other
from services.auth.language import gettext as _
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint(
    "/account/recovery-codes", limit=Limit.RECOVERY, unadvertised="for people, by the page of sign-in methods"
)


@endpoint.get
async def get_codes(http: Request) -> Response:
    """Show them, or how many are left."""
    return await visit(http, _show, fresh=True)


@endpoint.post
async def post_codes(http: Request) -> Response:
    """Make new ones, or forget what was shown."""
    return await visit(http, _answer, fresh=True)


def _show(here: AccountVisit) -> Response:
    codes = here.context.own_factors.codes.shown(changer_of(here))
    if codes:
        return here.page("account/recovery_codes.html", codes=codes, file=_file(here, codes))
    with here.context.database.autocommit() as stores:
        left = stores.recovery_codes.count(here.user.id)
    return here.page("account/new_recovery_codes.html", left=left, second_factor=here.user.has_second_factor)


def _answer(here: AccountVisit) -> Response:
    own, action = here.context.own_factors.codes, here.form.get("action")
    if action == "codes-saved":
        own.saved(changer_of(here))
        return see_other(f"{METHODS}?done=codes")
    if action == "make-codes" and own.make(changer_of(here)) is not None:
        return see_other(METHODS)
    return here.back()


def _file(here: AccountVisit, codes: tuple[str, ...]) -> str:
    """Return the codes as a text file in an address: a download that needs no script and no second request."""
    about = _(
        "Recovery codes of %(username)s at %(issuer)s. Each is good once. Keep them where nobody else finds them.",
        username=here.user.username,
        issuer=here.context.issuer,
    )
    return "data:text/plain;charset=utf-8," + quote("\n".join([about, "", *codes, ""]))
