"""What the page of a step says after a try that did not succeed; the row keeps it, so that the page can be reloaded.

Policy: ADR-0062
"""

import math
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.auth.language import gettext, mark
from services.auth.language.formats import wait_in_words


class Why(StrEnum):
    """The cases; `docs/errors.md` lists their sentences."""

    WRONG_PASSWORD = "wrong_password"
    WRONG_CODE = "wrong_code"
    WRONG_RECOVERY_CODE = "wrong_recovery_code"
    WRONG_PASSKEY = "wrong_passkey"
    UNKNOWN_PASSKEY = "unknown_passkey"
    PASSKEY_TOO_LATE = "passkey_too_late"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    BUSY = "busy"


_SENTENCES = {
    Why.WRONG_PASSWORD: mark("The user name or the password is wrong."),
    Why.WRONG_CODE: mark("The code is wrong or was used before."),
    Why.WRONG_RECOVERY_CODE: mark("The recovery code is wrong or was used before."),
    Why.WRONG_PASSKEY: mark("This passkey cannot be used here. Please sign in another way."),
    Why.UNKNOWN_PASSKEY: mark("This passkey cannot be used here. Please sign in another way."),
    Why.PASSKEY_TOO_LATE: mark("That took too long. Please try your passkey again."),
    Why.BUSY: mark("Many people are signing in at this moment. Please try again in a few seconds."),
}
_STATUS = {Why.TOO_MANY_ATTEMPTS: 429, Why.BUSY: 503}
#: Characters of a user name that are kept to be shown again.
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Wait:
    """How long until another try, and the words for it that are in the sentence."""

    seconds: int
    words: str


@dataclass(frozen=True)
class Notice:
    """One try. `page`: the path that says it, with a query if that names its form.

    `until`: when another try is possible; None: at once.
    """

    page: str
    why: Why
    username: str
    until: datetime | None

    def past(self, now: datetime) -> bool:
        """Report whether the wait is over, so that there is nothing left to say."""
        return self.until is not None and self.until <= now

    def status(self) -> int:
        return _STATUS.get(self.why, 400)

    def headers(self, now: datetime) -> dict[str, str]:
        return {} if self.until is None else {"Retry-After": str(_seconds(self.until - now))}

    def wait(self, now: datetime) -> Wait | None:
        """Return what the page counts down."""
        if self.why is not Why.TOO_MANY_ATTEMPTS or self.until is None:
            return None
        seconds = _seconds(self.until - now)
        return Wait(seconds, wait_in_words(seconds))

    def sentence(self, now: datetime) -> str:
        if wait := self.wait(now):
            return gettext("Too many attempts. Please try again in %(wait)s.", wait=wait.words)
        return gettext(_SENTENCES[self.why])

    def record(self) -> dict[str, Any]:
        """Return the JSON members that a row keeps."""
        until = None if self.until is None else self.until.isoformat()
        return {**asdict(self), "username": self.username[:_LONGEST_NAME], "until": until}

    @classmethod
    def from_record(cls, record: dict[str, Any] | None) -> "Notice | None":
        """Return the notice that `record` made these members of."""
        if record is None:
            return None
        until = None if record["until"] is None else datetime.fromisoformat(record["until"])
        return cls(**{**record, "why": Why(record["why"]), "until": until})


def _seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
