"""The errors that features raise and edges translate.

SuiteError
|-- ConfigurationError   a missing or bad setting, file or seed; stops the program with one clear line
|-- NotFound             no such record, or none that the caller may see
|-- Conflict             the record's state forbids it
|-- PreconditionFailed   the record is not the one that the caller has seen
|-- InvalidInput         a value has its type's form, and still does not fit
|-- TooManyRequests      the caller has sent too many; later is fine
`-- Unavailable          a part that this one needs is away; trying again may help
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from shared.problem_codes import ProblemCode


class SuiteError(Exception):
    """Base of every error of the suite."""


class ConfigurationError(SuiteError):
    """A setting, file or seed is missing or bad; the message names it and the remedy."""


class NotFound(SuiteError):
    """No such record, or none that the caller may see."""


class Conflict(SuiteError):
    """The record's present state forbids this; `members` say more to the caller, such as what it would allow."""

    def __init__(self, message: str, code: ProblemCode = ProblemCode.CONFLICT, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.members = members


class PreconditionFailed(SuiteError):
    """The record is not, or no longer, the one that the caller has seen."""


class InvalidInput(SuiteError):
    """A value that has its type's form and still does not fit; `where` leads to it (`"body", "company_id"`).

    `more` names others of the same request, each by where it is and what is wrong with it.
    """

    def __init__(self, message: str, *where: str, more: Sequence[tuple[Sequence[str], str]] = ()) -> None:
        super().__init__(message)
        self.errors = [(where, message), *more]


class TooManyRequests(SuiteError):
    """The caller has sent too many; retry after `retry_after`."""

    def __init__(self, message: str, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(SuiteError):
    """A needed part is away; retry after `retry_after`."""

    def __init__(
        self,
        message: str,
        retry_after: timedelta = timedelta(seconds=1),
        code: ProblemCode = ProblemCode.UNAVAILABLE,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.code = code
