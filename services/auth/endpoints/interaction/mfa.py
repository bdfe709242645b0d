"""/mfa: the second factor, by what the user has; the strongest comes first, and each page links to the others.

Spec: RFC 6238, OWASP ASVS 6.6.2; Policy: ADR-0007, ADR-0114
In: `request`, `csrf`, `with` = the method, `action` = verify (`otp`, `recovery-code`) | passkey (`credential`) | cancel
Out: 303 to /authorize, or to the page again, which says what was wrong.
"""

from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

from services.auth.accounts.second_factor import GivenFactor, TotpCode, TypedRecoveryCode
from services.auth.accounts.totp import digits_of
from services.auth.audit import Refusal, refuse
from services.auth.authorization.flow import Mfa
from services.auth.authorization.sign_in_steps import FirstFactor
from services.auth.endpoints.interaction.factor import after_factor, first_factor
from services.auth.endpoints.interaction.interaction import Interaction, interact
from services.auth.endpoints.interaction.notice import Notice, Why
from services.auth.endpoints.interaction.passkey import passkey_values, try_passkey
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit
from shared.errors import Unavailable

endpoint = page_endpoint("/mfa", limit=Limit.SIGN_IN, unadvertised="/authorize sends people there")


class Method(StrEnum):
    """The ways to give a second factor, the strongest first."""

    PASSKEY = "passkey"
    OTP = "otp"
    RECOVERY_CODE = "recovery-code"


@dataclass(frozen=True)
class _Asked:
    """Whose second factor is asked for, how many recovery codes are left, and whether only a passkey will do."""

    first: FirstFactor
    recovery_codes: int
    by_passkey: bool

    @property
    def methods(self) -> tuple[Method, ...]:
        """What the user has; recovery codes are listed without one too, for the page that says how else to get in."""
        user = self.first.user
        if user.has_passkey and self.by_passkey:
            return (Method.PASSKEY,)
        passkey = (Method.PASSKEY,) if user.has_passkey else ()
        return (*passkey, *((Method.OTP,) if user.has_totp else ()), Method.RECOVERY_CODE)


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
    notice = here.notice_at(_page_of(chosen))
    return here.page(
        "mfa.html",
        notice=notice,
        chosen=chosen,
        passkey=passkey_values(here, notice),
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
    if here.form.get("action") == "passkey":
        return try_passkey(here, asked.first, _page_of(Method.PASSKEY))
    given, wrong = _given(here)
    try:
        outcome = here.context.sign_in.with_second_factor(
            here.waiting, here.browser, here.submission, asked.first, given, here.pace, here.now
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
    first, step = first_factor(here), here.step
    if first is None or not isinstance(step, Mfa):
        return None
    with here.context.database.autocommit() as stores:
        codes = stores.recovery_codes.count(first.user.id)
    by_passkey = step.by_passkey and here.context.passkey_sign_in is not None
    return _Asked(first, codes, by_passkey)
