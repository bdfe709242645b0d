"""The parameters of a protocol request, parsed once and strictly, and the form in which Authlib reads them.

Spec: RFC 6749 s3.1 and s3.2 (no repeated parameters, empty means absent), RFC 8707 s2 (`resource` may repeat)
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749.requests import OAuth2Payload

#: The one parameter that may be given more than once.
REPEATABLE = frozenset({"resource"})
_MAX_PARAMETERS = 100


class MalformedParametersError(ValueError):
    """Not form-encoded UTF-8, or holding a NUL, or too many of them."""


@dataclass(frozen=True)
class Parameters:
    """Name and value pairs as they came; an empty value counts as absent."""

    pairs: tuple[tuple[str, str], ...]

    @cached_property
    def values(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name, value in self.pairs:
            if value:
                found[name].append(value)
        return dict(found)

    @cached_property
    def repeated(self) -> frozenset[str]:
        """The names that came more than once and may not."""
        names = [name for name, _ in self.pairs]
        return frozenset(name for name in names if names.count(name) > 1) - REPEATABLE

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
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except (UnicodeError, ValueError) as error:
        raise MalformedParametersError("not form-encoded UTF-8") from error
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise MalformedParametersError("a NUL character")
    return Parameters(tuple(pairs))


class SeamPayload(OAuth2Payload):
    """What Authlib's grants read parameters from."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._parameters.values.items()}

    @property
    def datalist(self) -> Any:
        return defaultdict(list, self._parameters.values)


class SeamRequest(OAuth2Request):
    """One request, with a URL that Authlib accepts: behind a TLS proxy the real one is http."""

    def __init__(self, method: str, url: str, parameters: Parameters, headers: Mapping[str, str]) -> None:
        super().__init__(method, url, headers=headers)
        self.parameters = parameters
        self.payload = SeamPayload(parameters)

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data
