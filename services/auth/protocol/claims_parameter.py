"""The `claims` parameter: read strictly in form, tolerantly in content.

Spec: OpenID Connect Core s5.5 and s5.5.1.1 (acr)
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Never

from services.auth.accounts.requested_claims import RequestedClaims, Values

#: Longest parameter, in bytes.
MAX_LENGTH = 4096
#: Largest integer that every program reads alike (RFC 7493 s2.2); a user's claim is never larger.
_LARGEST = 2**53


class MalformedClaimsError(ValueError):
    """No JSON object of the form of OpenID Connect Core s5.5."""


@dataclass(frozen=True)
class ClaimsParameter:
    """What it says. `subjects`: the only users who will do; None: anybody.

    `acr_values`: classes wished for; `essential_acr`: those of which one is a must, None: none is.
    """

    requested: RequestedClaims = field(default_factory=RequestedClaims)
    subjects: frozenset[str] | None = None
    acr_values: frozenset[str] = frozenset()
    essential_acr: frozenset[str] | None = None


@dataclass(frozen=True)
class _Wish:
    """One claim: `essential`, and the values of which one will do (None: any)."""

    essential: bool
    values: Values


def parse_claims_parameter(text: str) -> ClaimsParameter:
    """Read the parameter; members and claims that are unknown are left aside.

    Raises:
        MalformedClaimsError: see there.
    """
    if len(text.encode()) > MAX_LENGTH:
        raise MalformedClaimsError("too long")
    try:
        content = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MalformedClaimsError("not JSON") from error
    if not isinstance(content, dict):
        raise MalformedClaimsError("not an object")
    userinfo, id_token = (_wishes(content.get(member)) for member in ("userinfo", "id_token"))
    acr = id_token.get("acr", _Wish(essential=False, values=None))
    named = _texts(acr)
    return ClaimsParameter(
        requested=RequestedClaims(_values(userinfo), _values(id_token)),
        subjects=_subjects(userinfo, id_token),
        acr_values=named,
        essential_acr=named if acr.essential and acr.values is not None else None,
    )


def _refuse(constant: str) -> Never:
    raise ValueError(constant)


def _wishes(member: object) -> dict[str, _Wish]:
    if member is None:
        return {}
    if not isinstance(member, dict):
        raise MalformedClaimsError("a member that is not an object")
    return {name: _wish(wish) for name, wish in member.items()}


def _wish(wish: object) -> _Wish:
    if wish is None:
        return _Wish(essential=False, values=None)
    if not isinstance(wish, dict):
        raise MalformedClaimsError("a claim that is neither null nor an object")
    essential, several = wish.get("essential", False), wish.get("values", [])
    if not isinstance(essential, bool) or not isinstance(several, list):
        raise MalformedClaimsError("an essential that is not a boolean, or values that are not a list")
    if "value" not in wish and "values" not in wish:
        return _Wish(essential, None)
    named = [*several, *([wish["value"]] if "value" in wish else [])]
    return _Wish(essential, tuple(filter(_can_be_a_claim, named)))


def _can_be_a_claim(value: Any) -> bool:
    """Say whether a row can hold this value; one that it can't is nobody's claim."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, float):
        return math.isfinite(value)  # 1e400 is read as infinity, which JSON has no word for
    return isinstance(value, int) and abs(value) <= _LARGEST


def _texts(wish: _Wish) -> frozenset[str]:
    return frozenset(value for value in wish.values or () if isinstance(value, str))


def _values(wishes: Mapping[str, _Wish]) -> dict[str, Values]:
    return {name: wish.values for name, wish in wishes.items()}


def _subjects(*members: Mapping[str, _Wish]) -> frozenset[str] | None:
    wishes = [member["sub"] for member in members if "sub" in member]
    named = [_texts(wish) for wish in wishes if wish.values is not None]
    return frozenset.intersection(*named) if named else None
