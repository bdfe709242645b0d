"""/passkey: what the script of a page asks the browser for a passkey with; and what a page does with the answer.

Spec: WebAuthn Level 3 s7.2, s5.1.10 (conditional mediation); Policy: ADR-0110
In: POST `request`, `csrf`, `purpose` = sign_in | second_factor
Out: 200 PublicKeyCredentialRequestOptionsJSON, whose answer goes into the form of the page as `credential`; or a page.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.auth.accounts.passkey import Purpose
from services.auth.authorization.passkey_sign_in import Asked
from services.auth.authorization.sign_in_steps import FirstFactor
from services.auth.endpoints.interaction.factor import after_factor, first_factor
from services.auth.endpoints.interaction.interaction import Interaction, interact
from services.auth.endpoints.interaction.notice import Notice, Why
from services.auth.endpoints.web.caching import NO_STORE
from services.auth.endpoints.web.context import admit, origin_of
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.pages import error_page
from services.auth.endpoints.web.threads import in_thread
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/passkey", limit=Limit.AUTHORIZE, unadvertised="the script of the sign-in pages asks it")


@endpoint.post
async def post_passkey(http: Request) -> Response:
    """Make a challenge for this request and step; counted before anything is looked at."""
    await in_thread(admit, http, origin_of(http))
    return await interact(http, _ask)


def _ask(here: Interaction) -> Response:
    passkeys, purpose = here.context.passkey_sign_in, here.form.get("purpose")
    first = first_factor(here) if purpose == Purpose.SECOND_FACTOR else None
    if passkeys is None or purpose not in {Purpose.SIGN_IN, Purpose.SECOND_FACTOR}:
        return error_page("malformed_request")
    if purpose == Purpose.SECOND_FACTOR and first is None:
        return error_page("malformed_request")
    return JSONResponse(passkeys.ask(here.waiting, first, here.now), headers=NO_STORE)


def try_passkey(here: Interaction, first: FirstFactor | None, page: str) -> Response:
    """Try the answer in the page's form: alone, or as the second factor to `first`."""
    passkeys = here.context.passkey_sign_in
    if passkeys is None:
        return error_page("malformed_request")
    asked = Asked(here.waiting, here.browser, here.submission, first)
    outcome = passkeys.verify(asked, here.form.get("credential") or "", here.pace, here.now)
    return after_factor(here, outcome, Notice(page, Why.WRONG_PASSKEY, "", None))


def passkey_values(here: Interaction, notice: Notice | None) -> dict[str, Any] | None:
    """Return what a page's script needs; None: the issuer's host can have no passkeys.

    `unknown`: the browser may tell the authenticator that we do not know the credential which it has just sent.
    """
    if here.context.passkey_sign_in is None:
        return None
    unknown = notice is not None and notice.why is Why.UNKNOWN_PASSKEY
    return {"site": here.context.passkey_sign_in.party.id, "unknown": unknown}
