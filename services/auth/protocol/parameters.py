"""The parameters of a protocol request, parsed once and strictly.

Spec: RFC 6749 s3.1 and s3.2 (no repeated parameters, empty means absent), RFC 8707 s2 (`resource` may repeat)
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl

from services.auth.audit import Origin, Refusal
from services.auth.protocol.errors import InvalidAuthorizationDetails, InvalidRequest
from shared.limits import MOST_ESCAPES, MOST_PARAMETERS

#: The one parameter that may be given more than once.
REPEATABLE = frozenset({"resource"})


class MalformedParametersError(ValueError):
    """Not form-encoded UTF-8, or holding a NUL, or too many of them, or too many escapes."""


@dataclass(frozen=True)
class Parameters:
    """Name and value pairs as they came; an empty value counts as absent."""

    pairs: tuple[tuple[str, str], ...]
    values: Mapping[str, list[str]] = field(init=False)
    #: The names that came more than once and may not.
    repeated: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        values: dict[str, list[str]] = {}
        for name, value in self.pairs:
            if value:
                values.setdefault(name, []).append(value)
        names = Counter(name for name, _ in self.pairs)
        repeated = frozenset(name for name, times in names.items() if times > 1) - REPEATABLE
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "repeated", repeated)

    def get(self, name: str) -> str | None:
        """Return the first value, None when absent or empty."""
        values = self.values.get(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Return every value of a repeatable parameter."""
        return self.values.get(name, [])


def parse_parameters(raw: bytes) -> Parameters:
    """Parse a query string or an application/x-www-form-urlencoded body.

    Raises:
        MalformedParametersError: see there.
    """
    if raw.count(b"%") > MOST_ESCAPES:
        raise MalformedParametersError("too many escapes")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except (UnicodeError, ValueError) as error:
        raise MalformedParametersError("not form-encoded UTF-8") from error
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise MalformedParametersError("a NUL character")
    return Parameters(tuple(pairs))


@dataclass(frozen=True, repr=False)
class ClientRequest:
    """What a client sends to a JSON endpoint: `authorization` is its Authorization header, `now` when it came.

    `proofs`: its DPoP headers. `jkt`: the thumbprint of the key that it has proved to hold, once that was looked at.
    """

    path: str
    parameters: Parameters
    authorization: str | None
    origin: Origin
    now: datetime
    proofs: tuple[str, ...]
    jkt: str | None = None

    def get(self, name: str) -> str | None:
        """Return a parameter, None when absent or empty."""
        return self.parameters.get(name)

    def require(self, name: str, description: str) -> str:
        """Return a parameter.

        Raises:
            InvalidRequest: it is absent; `description` says which.
        """
        value = self.parameters.get(name)
        if value is None:
            raise InvalidRequest(Refusal.PARAMETER_MISSING, description)
        return value

    def refuse_repeated(self) -> None:
        """Raise InvalidRequest if a parameter came more than once that may not (RFC 6749 s3.2)."""
        if self.parameters.repeated:
            raise InvalidRequest(Refusal.PARAMETER_REPEATED, "A parameter is repeated.")

    def refuse_authorization_details(self) -> None:
        """Raise if the request asks for more than scopes can say: left unsaid, it would get less than it thinks.

        Spec: RFC 9396 s5
        """
        if self.get("authorization_details") is not None:
            raise InvalidAuthorizationDetails
