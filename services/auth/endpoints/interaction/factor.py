"""What follows a try of a factor, whatever the factor is; and whose second one is asked for.

Policy: ADR-0062
"""

from dataclasses import replace

from starlette.responses import Response

from services.auth.accounts.browser_session import Method
from services.auth.accounts.failure_budget import Blocked
from services.auth.audit import Refusal, refuse
from services.auth.authorization.flow import Mfa
from services.auth.authorization.sign_in_outcome import Outcome, TooLate, Wrong
from services.auth.authorization.sign_in_steps import FirstFactor
from services.auth.endpoints.interaction.interaction import Interaction
from services.auth.endpoints.interaction.notice import Notice, Why


def after_factor(here: Interaction, outcome: Outcome, wrong: Notice) -> Response:
    """Return to /authorize; or to the page, since the factor was wrong or it is too early for another try."""
    if isinstance(outcome, Wrong):
        why = Why.UNKNOWN_PASSKEY if outcome.credential_unknown else wrong.why
        return here.ask_again(replace(wrong, why=why))
    if isinstance(outcome, TooLate):
        return here.ask_again(replace(wrong, why=Why.PASSKEY_TOO_LATE))
    if isinstance(outcome, Blocked):
        refuse(Refusal.ATTEMPT_WHILE_BLOCKED)
        return here.ask_again(replace(wrong, why=Why.TOO_MANY_ATTEMPTS, until=here.now + outcome.retry_after))
    return here.back_to_authorize(outcome)


def first_factor(here: Interaction) -> FirstFactor | None:
    """Return whose second factor is asked for; None: nobody's."""
    if not isinstance(here.step, Mfa):
        return None
    waiting = here.waiting
    if waiting.first_factor_user_id is not None and waiting.first_factor_at is not None:
        with here.context.database.autocommit() as stores:
            user = stores.users.find(waiting.first_factor_user_id)
        return None if user is None else FirstFactor(user, waiting.first_factor_at, Method.PASSWORD)
    if here.signed_in is None:
        return None
    session = here.signed_in.session
    return FirstFactor(here.signed_in.user, session.password_at, Method(session.first_method))
