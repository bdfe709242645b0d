"""/account/authenticator/remove: do without the authenticator app.

Policy: ADR-0115, ADR-0116
In: POST `csrf`, `current-password` (with the last second factor), `action` = remove-totp
Out: GET a page that says what follows; POST 303 with the session's new cookie, everything else signed out.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.password_policy import ALONE
from services.auth.authorization.own.authenticator import is_last
from services.auth.endpoints.account.change import METHODS, answer_change, changer_of
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint(
    "/account/authenticator/remove", limit=Limit.RECOVERY, unadvertised="for people, by the page of sign-in methods"
)


@endpoint.get
async def get_removal(http: Request) -> Response:
    """Say what follows."""
    return await visit(http, _show, fresh=True)


@endpoint.post
async def post_removal(http: Request) -> Response:
    """Remove it."""
    return await visit(http, _remove, fresh=True)


def _show(here: AccountVisit, error: str | None = None) -> Response:
    last = is_last(here.user)
    asks = last and here.user.password_hash is not None
    return here.page(
        "account/authenticator_removal.html", error=error, is_set=here.user.has_totp, last=last, asks=asks, least=ALONE
    )


def _remove(here: AccountVisit) -> Response:
    password = here.form.get("current-password") or ""
    outcome = here.context.own_factors.authenticator.remove(changer_of(here, f"{METHODS}?done=totp-removed"), password)
    return answer_change(here, outcome, lambda sentence: _show(here, sentence))
