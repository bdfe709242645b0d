"""/mfa: the second factor, for users who have one.

Spec: RFC 6238, OWASP ASVS 6.6.2; Policy: ADR-0007
In: `request`, `csrf`, `otp`, `action` = verify | cancel
Out: 303 to /authorize, or to the page again, which says what was wrong.
"""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.totp import digits_of
from services.auth.accounts.user import User
from services.auth.authorization.flow import Mfa
from services.auth.endpoints.interaction.interaction import Interaction, interact
from services.auth.endpoints.interaction.login import after_factor
from services.auth.endpoints.interaction.notice import Notice, Why
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit

endpoint = page_endpoint("/mfa", limit=Limit.SIGN_IN, unadvertised="/authorize sends people there")


@endpoint.get
async def get_mfa(http: Request) -> Response:
    """Ask for the code, if this is what comes next."""
    return await interact(http, _show)


@endpoint.post
async def post_mfa(http: Request) -> Response:
    """Try the code."""
    return await interact(http, _verify)


def _show(here: Interaction) -> Response:
    if not isinstance(here.step, Mfa):
        return here.back_to_authorize()
    return here.page("mfa.html", notice=here.notice_at(endpoint.path))


def _verify(here: Interaction) -> Response:
    if here.form.get("action") == "cancel":
        return here.cancel()
    if (again := here.context.sign_in.repeated(here.submission, here.now)) is not None:
        return here.back_to_authorize(again)  # before anything that the first of two taps has changed
    who = _first_factor(here)
    if who is None:
        return here.back_to_authorize()
    user, password_at = who
    otp = digits_of(here.form.get("otp") or "")
    outcome = here.context.sign_in.with_totp(
        here.waiting, here.browser, here.submission, user, password_at, otp, here.pace, here.now
    )
    return after_factor(here, outcome, Notice(endpoint.path, Why.WRONG_CODE, "", None))


def _first_factor(here: Interaction) -> tuple[User, datetime] | None:
    """Return whose second factor is asked for, and when the first was given: in this request, or in the session."""
    if not isinstance(here.step, Mfa):
        return None
    waiting = here.waiting
    if waiting.first_factor_user_id is not None and waiting.first_factor_at is not None:
        with here.context.database.autocommit() as stores:
            user = stores.users.find(waiting.first_factor_user_id)
        return None if user is None else (user, waiting.first_factor_at)
    if here.signed_in is None:
        return None
    return here.signed_in.user, here.signed_in.session.password_at
