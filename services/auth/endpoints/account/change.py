"""How a form of the account pages becomes a change of a way to sign in, and what the browser is answered.

Policy: ADR-0115
"""

from collections.abc import Callable

from starlette.responses import Response

from services.auth.accounts.known_devices import DeviceSecrets
from services.auth.authorization.own.change import Changed, Changer, Over, Refused
from services.auth.authorization.repeat import submission_of
from services.auth.endpoints.account.visit import AccountVisit, renewed
from services.auth.endpoints.web.pages import see_other

#: The page that shows what somebody has.
METHODS = "/account/sign-in-methods"


def changer_of(here: AccountVisit, leads_to: str = METHODS) -> Changer:
    """Return who makes the change that a form asks for. `leads_to`: the page that says that it is done."""
    return Changer(
        here.signed_in,
        here.session_cookie,
        DeviceSecrets.of_cookie(here.cookies.device),
        here.origin,
        submission_of(here.session_cookie, here.path, *sorted(here.form.pairs)),
        leads_to,
        here.now,
    )


def answer_change(here: AccountVisit, outcome: Changed | Refused | Over, ask: Callable[[str], Response]) -> Response:
    """Lead on with the session's new cookie; or show the form again, which `ask` renders with a sentence."""
    match outcome:
        case Changed():
            return renewed(here.cookies, outcome)
        case Refused(sentence):
            return ask(sentence)
        case Over():
            return see_other(METHODS)
