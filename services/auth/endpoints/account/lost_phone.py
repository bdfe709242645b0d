"""/account/lost-phone: the button for somebody who has lost a phone or computer.

Policy: ADR-0119
In: POST `csrf`, `action` = confirm-lost-phone
Out: 303 to the sign-in methods, where new ones are set up.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.known_devices import DeviceSecrets
from services.auth.authorization.lost_phone import end_everything_else
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.pages import see_other
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/account/lost-phone", limit=Limit.AUTHORIZE, unadvertised="for people, by their overview")


@endpoint.get
async def get_lost_phone(http: Request) -> Response:
    """Say what will happen, to whoever has just signed in."""
    return await visit(
        http,
        lambda here: here.page("account/lost_phone.html", keeps_passkeys=here.user.password_hash is None),
        fresh=True,
    )


@endpoint.post
async def post_lost_phone(http: Request) -> Response:
    """End everything else."""
    return await visit(http, _end, fresh=True)


def _end(here: AccountVisit) -> Response:
    if here.form.get("action") != "confirm-lost-phone":
        return here.back()
    with here.context.database.transaction() as stores:
        left = end_everything_else(
            stores,
            here.signed_in,
            DeviceSecrets.of_cookie(here.cookies.device),
            lifetimes=here.context.sign_in.steps.lifetimes,
            origin=here.origin,
            now=here.now,
        )
    if left is None:
        return here.back()
    here.context.logout_delivery.wake()
    response = see_other("/account/sign-in-methods?done=phone-lost")
    here.cookies.set_session(response, left.session_cookie)
    here.cookies.set_device(response, left.device_cookie)
    return response
