"""/login: the first factor.

Spec: OWASP ASVS 6.3; Policy: ADR-0007
In: `request`, `csrf`, `action` = sign-in (`username`, `password`) | passkey (`credential`) | cancel
Out: 303 to /authorize, or to the page again, which says what was wrong.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.audit import Refusal, refuse
from services.auth.authorization.flow import Login
from services.auth.endpoints.interaction.factor import after_factor
from services.auth.endpoints.interaction.interaction import Interaction, interact
from services.auth.endpoints.interaction.notice import Notice, Why
from services.auth.endpoints.interaction.passkey import passkey_values, try_passkey
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit
from shared.errors import Unavailable

endpoint = page_endpoint("/login", limit=Limit.SIGN_IN, unadvertised="/authorize sends people there")

#: Characters of a user name that the form is filled with again.
_LONGEST_SHOWN = 200


@endpoint.get
async def get_login(http: Request) -> Response:
    """Show the form, also to somebody who is signed in: it may be meant for another account."""
    return await interact(http, _show)


@endpoint.post
async def post_login(http: Request) -> Response:
    """Try the password."""
    return await interact(http, _sign_in)


def _show(here: Interaction) -> Response:
    notice, request = here.notice_at(endpoint.path), here.authorization_request
    again = _who_is_asked_again(here)
    username = notice.username if notice is not None else again or request.login_hint or ""
    return here.page(
        "login.html",
        passkey=passkey_values(here, notice),
        notice=notice,
        username=username,
        again=again,
        too_old="login" not in request.prompts,
    )


def _who_is_asked_again(here: Interaction) -> str | None:
    """Return who is signed in, and has to give the password again: the page says why it asks for what it knows."""
    if here.signed_in is None or not isinstance(here.step, Login):
        return None
    user, subjects = here.signed_in.user, here.authorization_request.subjects
    return user.username if subjects is None or user.subject in subjects else None


def _sign_in(here: Interaction) -> Response:
    if here.form.get("action") == "cancel":
        return here.cancel()
    if here.form.get("action") == "passkey":
        return try_passkey(here, None, endpoint.path)
    username, password = here.form.get("username") or "", here.form.get("password") or ""
    try:
        outcome = here.context.sign_in.with_password(
            here.waiting, here.browser, here.submission, username, password, here.pace, here.now
        )
    except Unavailable as error:
        refuse(Refusal.SIGN_IN_QUEUE_FULL)
        return here.ask_again(Notice(endpoint.path, Why.BUSY, username, here.now + error.retry_after))
    return after_factor(here, outcome, Notice(endpoint.path, Why.WRONG_PASSWORD, username, None))
