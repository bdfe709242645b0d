"""/device: the page to which a device sends its person, who types the code that it shows.

Spec: RFC 8628 s3.3, s3.3.1 and s5.1 (guesses); Policy: ADR-0130
In: GET `user_code` (from a QR code), or `done` | `error` as the sign-in comes back; POST `user-code`
Out: 303 to /authorize, where the person signs in and is asked; the page again, which says what was wrong.
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.auth.audit import Refusal, refuse
from services.auth.authorization.device import parse_user_code, shown
from services.auth.authorization.request import WaitingRequest
from services.auth.endpoints.web.context import admit, context_of, origin_of
from services.auth.endpoints.web.cookies import cookies_of
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page, see_other
from services.auth.language import gettext as _
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.parameters import Parameters
from services.auth.rate_limits.limits import Limit
from services.auth.waiting import RESTART_WINDOW

endpoint = page_endpoint("/device", limit=Limit.DEVICE, unadvertised="devices name it, as verification_uri")


@endpoint.get
async def get_device(http: Request) -> Response:
    """Show the form, or what came of it."""
    return await answer_page(http, _show)


@endpoint.post
async def post_device(http: Request) -> Response:
    """Begin the sign-in that answers the device. Nothing is allowed by this alone, so no form token is needed."""
    return await answer_page(http, _begin)


def _show(http: Request, form: Parameters) -> Response:
    admit(http, origin_of(http))
    if form.repeated:
        return error_page("malformed_request", start_again=endpoint.path)
    if form.get("done") is not None:
        return page("device_done.html", allowed=True)
    if form.get("error") is not None:
        return page("device_done.html", allowed=False)
    code = parse_user_code(form.get("user_code") or "")
    return page("device.html", error=None, user_code="" if code is None else shown(code))


def _begin(http: Request, form: Parameters) -> Response:
    context, cookies, origin = context_of(http), cookies_of(http), origin_of(http)
    admit(http, origin)
    if form.repeated:
        return error_page("malformed_request", start_again=endpoint.path)
    now, handle = context.clock.now(), mint_opaque_token()
    code = parse_user_code(form.get("user-code") or "")
    browser_cookie, lifetime = cookies.browser or mint_opaque_token(), context.settings.waiting_request_lifetime
    with context.database.transaction() as stores:
        device = None if code is None else stores.device_authorizations.find_waiting(code, now)
        if device is not None:
            request = device.request(f"{context.issuer}{endpoint.path}")
            waiting = WaitingRequest(
                digest(handle), request, now, device.expires_at, digest(browser_cookie), network=origin.network
            )
            stores.waiting_requests.add(waiting)
    if device is None:
        refuse(Refusal.USER_CODE_UNKNOWN)
        sentence = _("This code is not known, or it has expired. Compare it with the one on your device.")
        # what cannot be a code is not shown again: nothing that a request held goes into a page
        return page("device.html", status=400, error=sentence, user_code="" if code is None else shown(code))
    response = see_other(f"/authorize?request={quote(handle)}")
    cookies.bind(response, handle, browser_cookie, lifetime + RESTART_WINDOW)
    return response
