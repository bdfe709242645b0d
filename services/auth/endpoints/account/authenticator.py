"""/account/authenticator: set an authenticator app up, or another one in its place.

Policy: ADR-0116; Spec: RFC 6238
In: POST `csrf`, `action` = enrol-totp (begin) | confirm-totp (`otp`)
Out: GET a page with a QR code and the secret; POST 303, with the session's new cookie once the code was right.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.account.change import METHODS, answer_change, changer_of
from services.auth.endpoints.account.qr_code import qr_code
from services.auth.endpoints.account.recovery_codes import endpoint as codes_endpoint
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint(
    "/account/authenticator", limit=Limit.RECOVERY, unadvertised="for people, by the page of sign-in methods"
)


@endpoint.get
async def get_authenticator(http: Request) -> Response:
    """Show what the app needs."""
    return await visit(http, _show, fresh=True)


@endpoint.post
async def post_authenticator(http: Request) -> Response:
    """Begin, or let the app count."""
    return await visit(http, _confirm, fresh=True)


def _show(here: AccountVisit, error: str | None = None) -> Response:
    enrolment = here.context.own_factors.authenticator.enrolment(changer_of(here))
    return here.page(
        "account/authenticator.html",
        error=error,
        secret=enrolment.secret,
        picture=qr_code(enrolment.uri),
        replaces=here.user.has_totp,
    )


def _confirm(here: AccountVisit) -> Response:
    if here.form.get("action") != "confirm-totp":
        return here.back()
    own = here.context.own_factors
    with here.context.database.autocommit() as stores:
        first = stores.recovery_codes.count(here.user.id) == 0
    changer = changer_of(here, codes_endpoint.path if first else f"{METHODS}?done=totp")
    outcome = own.authenticator.confirm(changer, here.form.get("otp") or "")
    return answer_change(here, outcome, lambda sentence: _show(here, sentence))
