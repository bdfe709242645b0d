"""/mfa: the second factor, by what the user has; the strongest comes first, and each page links to the others.

Spec: RFC 6238, OWASP ASVS 6.6.2; Policy: ADR-0007, ADR-0114
In: `request`, `csrf`, `with` = the method, `otp` or `recovery-code`, `action` = verify | cancel
Out: 303 to /authorize, or to the page again, which says what was wrong.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.second_factor import GivenFactor, TotpCode, TypedRecoveryCode
from services.auth.accounts.totp import digits_of
from services.auth.accounts.user import User
from services.auth.audit import Refusal, refuse
from services.auth.authorization.flow import Mfa
from services.auth.endpoints.interaction.interaction import Interaction, interact
from services.auth.endpoints.interaction.login import after_factor
from services.auth.endpoints.interaction.notice import Notice, Why
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit
from shared.errors import Unavailable

endpoint = page_endpoint("/mfa", limit=Limit.SIGN_IN, unadvertised="/authorize sends people there")


class Method(StrEnum):
    """The ways to give a second factor, the strongest first."""

    OTP = "otp"
    RECOVERY_CODE = "recovery-code"


@dataclass(frozen=True)
class _Asked:
    """Whose second factor is asked for, when the first was given, and how many recovery codes are left."""

    user: User
    password_at: datetime
    recovery_codes: int

    @property
    def methods(self) -> tuple[Method, ...]:
        """What the user has; recovery codes are listed without one too, for the page that says how else to get in."""
        return (*((Method.OTP,) if self.user.has_totp else ()), Method.RECOVERY_CODE)


@endpoint.get
async def get_mfa(http: Request) -> Response:
    """Ask for the factor, if this is what comes next."""
    return await interact(http, _show)


@endpoint.post
async def post_mfa(http: Request) -> Response:
    """Try the factor."""
    return await interact(http, _verify)


def _show(here: Interaction) -> Response:
    asked = _asked(here)
    if asked is None:
        return here.back_to_authorize()
    chosen = next((each for each in asked.methods if each == here.form.get("with")), asked.methods[0])
    return here.page(
        "mfa.html",
        notice=here.notice_at(_page_of(chosen)),
        chosen=chosen,
        methods=[str(each) for each in asked.methods],
        recovery_codes=asked.recovery_codes,
    )


def _verify(here: Interaction) -> Response:
    if here.form.get("action") == "cancel":
        return here.cancel()
    if (again := here.context.sign_in.repeated(here.submission, here.now)) is not None:
        return here.back_to_authorize(again)  # before anything that the first of two taps has changed
    asked = _asked(here)
    if asked is None:
        return here.back_to_authorize()
    given, wrong = _given(here)
    try:
        outcome = here.context.sign_in.with_second_factor(
            here.waiting, here.browser, here.submission, asked.user, asked.password_at, given, here.pace, here.now
        )
    except Unavailable as error:
        refuse(Refusal.SIGN_IN_QUEUE_FULL)
        return here.ask_again(Notice(wrong.page, Why.BUSY, "", here.now + error.retry_after))
    return after_factor(here, outcome, wrong)


def _given(here: Interaction) -> tuple[GivenFactor, Notice]:
    """Return the factor in the form, and what its page says if it is wrong."""
    recovery_code = here.form.get("recovery-code")
    if recovery_code is not None:
        notice = Notice(_page_of(Method.RECOVERY_CODE), Why.WRONG_RECOVERY_CODE, "", None)
        return TypedRecoveryCode(recovery_code), notice
    return TotpCode(digits_of(here.form.get("otp") or "")), Notice(_page_of(Method.OTP), Why.WRONG_CODE, "", None)


def _page_of(method: Method) -> str:
    return f"{endpoint.path}?with={method}"


def _asked(here: Interaction) -> _Asked | None:
    """Return whose second factor is asked for: the first was given in this request, or in the session."""
    if not isinstance(here.step, Mfa):
        return None
    waiting, signed_in = here.waiting, here.signed_in
    with here.context.database.autocommit() as stores:
        if waiting.first_factor_user_id is not None and waiting.first_factor_at is not None:
            user, password_at = stores.users.find(waiting.first_factor_user_id), waiting.first_factor_at
        elif signed_in is not None:
            user, password_at = signed_in.user, signed_in.session.password_at
        else:
            return None
        return None if user is None else _Asked(user, password_at, stores.recovery_codes.count(user.id))
