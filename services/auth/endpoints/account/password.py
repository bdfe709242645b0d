"""/account/password: choose another password.

Policy: ADR-0115, ADR-0092; Spec: OWASP ASVS 6.2.3 (the current one is asked for)
In: POST `csrf`, `current-password` (of whoever has one), `new-password`, `action` = change-password
Out: GET a form; POST 303 with the session's new cookie, everything else signed out; or the form with one sentence.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.password_policy import ALONE, BESIDE_A_SECOND_FACTOR
from services.auth.endpoints.account.change import METHODS, answer_change, changer_of
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint(
    "/account/password", limit=Limit.RECOVERY, unadvertised="for people, by the page of sign-in methods"
)


@endpoint.get
async def get_password(http: Request) -> Response:
    """Show the form."""
    return await visit(http, _show, fresh=True)


@endpoint.post
async def post_password(http: Request) -> Response:
    """Change it."""
    return await visit(http, _change, fresh=True)


def _show(here: AccountVisit, error: str | None = None) -> Response:
    return here.page(
        "account/password.html",
        error=error,
        is_set=here.user.password_hash is not None,
        shortest=BESIDE_A_SECOND_FACTOR if here.user.has_second_factor else ALONE,
    )


def _change(here: AccountVisit) -> Response:
    current, new = here.form.get("current-password") or "", here.form.get("new-password") or ""
    outcome = here.context.own_factors.password.change(changer_of(here, f"{METHODS}?done=password"), current, new)
    return answer_change(here, outcome, lambda sentence: _show(here, sentence))
