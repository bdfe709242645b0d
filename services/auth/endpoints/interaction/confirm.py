"""/continue: go on as the user who is signed in already?

Spec: RFC 8252 s8.6 (no silent answer to an address that any app can take); Policy: ADR-0007, ADR-0063
In: `request`, `csrf`, `session`, `intent`, `action` = continue | cancel
Out: 303 to /authorize; without `intent` 303 to the page again, which asks for one more click at another place.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.authorization.device import shown
from services.auth.authorization.flow import Confirm
from services.auth.endpoints.interaction.interaction import Interaction, interact
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.pages import error_page

endpoint = page_endpoint("/continue", unadvertised="/authorize sends people there")


@endpoint.get
async def get_continue(http: Request) -> Response:
    """Ask, if this is what comes next."""
    return await interact(http, _ask)


@endpoint.post
async def post_continue(http: Request) -> Response:
    """Remember the yes, for the session that was asked about and no other."""
    return await interact(http, _agree)


def _ask(here: Interaction) -> Response:
    if not isinstance(here.step, Confirm) or here.signed_in is None:
        return here.back_to_authorize()
    user = here.signed_in.user
    session, once_more = str(here.signed_in.session.id), here.once_more
    if here.authorization_request.device is None:
        return here.page(
            "continue.html", name=user.display_name, username=user.username, session=session, once_more=once_more
        )
    with here.context.database.autocommit() as stores:
        device = stores.device_authorizations.find(bytes.fromhex(here.authorization_request.device))
    if device is None:
        return error_page("request_expired", start_again="/device")
    return here.page(
        "device_confirm.html",
        user_code=shown(device.user_code),
        network=device.origin.network,
        agent=device.origin.agent,
        username=user.username,
        session=session,
        once_more=once_more,
    )


def _agree(here: Interaction) -> Response:
    if here.form.get("action") == "cancel":
        return here.cancel()
    if not isinstance(here.step, Confirm) or here.signed_in is None:
        return here.back_to_authorize()
    session = here.signed_in.session
    # the page named a user: if another one has signed in since (a second tab), ask again
    if here.form.get("session") != str(session.id):
        return here.back_to_authorize()
    if not here.is_meant:
        return here.ask_once_more(endpoint.path)
    with here.context.database.transaction() as stores:
        stores.waiting_requests.set_continued(here.waiting.handle_hash, session.id)
    return here.back_to_authorize()
