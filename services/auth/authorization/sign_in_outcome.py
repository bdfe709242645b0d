"""What comes of one form of a sign-in, and what came of it when the same browser sends it again.

Policy: ADR-0007, ADR-0062
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.accounts.failure_budget import Blocked
from services.auth.authorization.repeat import StepAnswers, Submission, kept_answer
from services.auth.authorization.signed_in import SessionStores, find_signed_in
from services.auth.opaque_token import digest


class AnsweredStores(SessionStores, Protocol):
    """What is read to find it."""

    @property
    def step_answers(self) -> StepAnswers: ...


@dataclass(frozen=True)
class Wrong:
    """The factor was wrong, or the user unknown or disabled: nobody learns which.

    `credential_unknown`: it was a passkey whose authenticator may forget it.
    """

    credential_unknown: bool = False


@dataclass(frozen=True)
class TooLate:
    """The challenge of the passkey was over: expired, used before, or another request's."""


@dataclass(frozen=True)
class FirstFactorDone:
    """The password was right; the second factor is still to come. No session yet."""


@dataclass(frozen=True, repr=False)
class SignedInNow:
    """All demanded factors were right: the new session cookie, and the new device cookie."""

    session_cookie: str
    device_cookie: str


@dataclass(frozen=True)
class DoneBefore:
    """The same form was right a moment ago, and what it opened has ended since, or the browser has a newer session."""


Outcome = Wrong | TooLate | Blocked | FirstFactorDone | SignedInNow | DoneBefore


def came_of(stores: AnsweredStores, submission: Submission, now: datetime) -> Outcome | None:
    """Return what came of the same form in the last minute; a session that is over is not given out again."""
    kept = kept_answer(stores.step_answers, submission, now)
    if kept is None:
        return None
    if kept["session"] is None:
        return FirstFactorDone()
    if find_signed_in(stores, digest(kept["session"]), now) is None:
        return DoneBefore()
    return SignedInNow(kept["session"], kept["device"])
