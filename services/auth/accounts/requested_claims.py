"""Claims that a client asked for by name: what it may have of them, and what is answered.

Spec: OpenID Connect Core s5.5; Policy: ADR-0022
A claim is given to a client that may ask for the scope that opens it, and consent to that scope covers the claim.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.auth.accounts.user import SCOPE_CLAIMS

#: A value that a client may name for a claim; None: any.
Values = tuple[str | int | float | bool, ...] | None

_SCOPE_OF = {name: scope for scope, names in SCOPE_CLAIMS.items() for name in names}


@dataclass(frozen=True)
class RequestedClaims:
    """For /userinfo and for the ID token: the standard claims asked for, each with the values that will do."""

    userinfo: Mapping[str, Values] = field(default_factory=dict)
    id_token: Mapping[str, Values] = field(default_factory=dict)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that open these claims."""
        return frozenset(_SCOPE_OF[name] for name in (*self.userinfo, *self.id_token) if name in _SCOPE_OF)

    def within(self, scopes: frozenset[str]) -> "RequestedClaims":
        """Return those that `scopes` open; what is not a standard claim of ours falls away."""
        return RequestedClaims(_opened(self.userinfo, scopes), _opened(self.id_token, scopes))

    def record(self) -> dict[str, Any]:
        """Return the JSON members that a row keeps."""
        return {
            member: {name: None if values is None else list(values) for name, values in asked.items()}
            for member, asked in (("userinfo", self.userinfo), ("id_token", self.id_token))
            if asked
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> "RequestedClaims":
        """Return what `record` made these members of."""
        members = {
            member: {name: None if values is None else tuple(values) for name, values in asked.items()}
            for member, asked in (record or {}).items()
        }
        return cls(**members)


def _opened(asked: Mapping[str, Values], scopes: frozenset[str]) -> dict[str, Values]:
    return {name: values for name, values in asked.items() if _SCOPE_OF.get(name) in scopes}


def answered(asked: Mapping[str, Values], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims asked for that are `known` and, where values were named, have one of them."""
    return {
        name: known[name]
        for name, values in asked.items()
        if name in known and (values is None or any(_same(known[name], value) for value in values))
    }


def _same(known: object, asked: object) -> bool:
    return type(known) is type(asked) and known == asked  # 1 is not true
