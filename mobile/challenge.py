"""What a 401 or 403 of an API asks for: `WWW-Authenticate`, read.

Spec: RFC 9110 s11.6.1, RFC 6750 s3, RFC 9470 s3
"""

import re
from dataclasses import dataclass

import httpx2

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_ITEM = re.compile(
    rf'[\s,]*(?:(?P<name>{_TOKEN})[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]*))'
    rf"|(?P<scheme>{_TOKEN})(?=[\s,]|$))"
)
_LONGEST = 8_192
_STEP_UP = "insufficient_user_authentication"

#: Refusals of the request rather than of the token: another token of the same sign-in changes nothing.
_NOT_THE_TOKENS_AGE = frozenset({_STEP_UP, "insufficient_scope", "invalid_request"})


@dataclass(frozen=True)
class StepUp:
    """The sign-in that an API demands: authentication contexts it would take, and the age in seconds it allows."""

    acr_values: str | None
    max_age: int | None

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that the authorization request needs. Spec: RFC 9470 s4

        A challenge that names neither asks for a sign-in anew.
        """
        asked = {} if self.acr_values is None else {"acr_values": self.acr_values}
        if self.max_age is not None:
            asked["max_age"] = str(self.max_age)
        return asked or {"prompt": "login"}


@dataclass(frozen=True)
class Challenge:
    """The Bearer or DPoP challenge of one answer. An answer without one has an empty challenge."""

    error: str | None = None
    scope: str | None = None
    acr_values: str | None = None
    max_age: int | None = None

    @classmethod
    def read(cls, response: httpx2.Response) -> "Challenge":
        """Return the first such challenge of `response`; what cannot be read counts as absent."""
        found = _bearer_parameters(response.headers.get("www-authenticate", ""))
        max_age = found.get("max_age", "")
        return cls(
            found.get("error"),
            found.get("scope"),
            found.get("acr_values") or None,
            int(max_age) if re.fullmatch("[0-9]{1,9}", max_age) else None,
        )

    @property
    def step_up(self) -> StepUp | None:
        """The sign-in that is demanded; None: the answer demands none."""
        return StepUp(self.acr_values, self.max_age) if self.error == _STEP_UP else None

    @property
    def refresh_may_help(self) -> bool:
        """Whether a new access token of the same sign-in may change the answer."""
        return self.error not in _NOT_THE_TOKENS_AGE


def _bearer_parameters(header: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    inside = False
    position = 0
    while len(header) <= _LONGEST and (item := _ITEM.match(header, position)):
        position = item.end()
        if item["scheme"]:
            if inside:
                break
            inside = item["scheme"].lower() in {"bearer", "dpop"}
        elif inside:
            value = item["plain"] if item["quoted"] is None else re.sub(r"\\(.)", r"\1", item["quoted"])
            parameters.setdefault(item["name"].lower(), value)
    return parameters
