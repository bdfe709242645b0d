"""/login: the first factor.

Spec: OWASP ASVS 6.3; Policy: ADR-0007
In: `request`, `csrf`, `username`, `password`, `action` = sign-in | cancel
Out: 303 to /authorize, or the page again with one sentence.
"""

import math
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.failure_budget import Blocked
from services.auth.audit import Refusal, refuse
from services.auth.authorization.sign_in import Outcome, SignedInNow, Wrong
from services.auth.endpoints.interaction.interaction import Interaction, interact
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
    return here.page("login.html", username=here.authorization_request.login_hint or "", error=None)


def _sign_in(here: Interaction) -> Response:
    if here.form.get("action") == "cancel":
        return here.cancel()
    username, password = here.form.get("username") or "", here.form.get("password") or ""
    try:
        outcome = here.context.sign_in.with_password(
            here.waiting, here.browser, username, password, here.pace, here.now
        )
    except Unavailable as error:
        refuse(Refusal.SIGN_IN_QUEUE_FULL)
        sentence = "Many people are signing in at this moment. Please try again in a few seconds."
        headers = {"Retry-After": str(math.ceil(error.retry_after.total_seconds()))}
        return here.page("login.html", status=503, headers=headers, error=sentence, username=username[:_LONGEST_SHOWN])
    if isinstance(outcome, Wrong | Blocked):
        sentence = "The user name or the password is wrong."
        return refusal(here, "login.html", outcome, sentence=sentence, username=username[:_LONGEST_SHOWN])
    return after_factor(here, outcome)


def refusal(here: Interaction, template: str, outcome: Wrong | Blocked, *, sentence: str, **values: Any) -> Response:
    """Show the page again: the factor was wrong, or it is too early for another try."""
    if isinstance(outcome, Wrong):
        return here.page(template, status=400, error=sentence, **values)
    refuse(Refusal.ATTEMPT_WHILE_BLOCKED)
    seconds = max(1, math.ceil(outcome.retry_after.total_seconds()))
    text = f"Too many attempts. Please try again in {_in_words(seconds)}."
    return here.page(template, status=429, headers={"Retry-After": str(seconds)}, error=text, **values)


def after_factor(here: Interaction, outcome: Outcome) -> Response:
    """Return to /authorize, with the cookies of a completed sign-in."""
    response = here.back_to_authorize()
    if isinstance(outcome, SignedInNow):
        here.cookies.set_session(response, outcome.session_cookie)
        here.cookies.set_device(response, outcome.device_cookie)
    return response


def _in_words(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} second{'s' if seconds > 1 else ''}"
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'s' if minutes > 1 else ''}"
