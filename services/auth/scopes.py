"""Scopes and the audiences that they decide.

Policy: ADR-0002; Spec: RFC 6749 s3.3, RFC 8707, RFC 9068 s3
Granted = requested, of those the client may have, of those the user is entitled to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from services.auth.language import gettext, mark

#: Scopes of OpenID Connect: they belong to no API.
_OIDC_DESCRIPTIONS = {
    "openid": mark("Sign you in, and recognise you next time"),
    "profile": mark("See your name and your profile"),
    "email": mark("See your e-mail address"),
    "address": mark("See your postal address"),
    "phone": mark("See your phone number"),
    "offline_access": mark("Keep this access while you are away, until you end it"),
}
OIDC_SCOPES = frozenset(_OIDC_DESCRIPTIONS)


#: An address whose path is the single slash that stands for an empty one (RFC 3986 s6.2.3).
_EMPTY_PATH = re.compile(r"\A(https?://[^/?#]+)/\Z")


class UnknownResource(ValueError):
    """A `resource` that is not an API of ours, or none that the grant reaches."""


@dataclass(frozen=True)
class ApiScope:
    """One scope of an API. `machine_only`: never for a person. `role`: only for users who have it."""

    name: str
    description: str
    machine_only: bool = False
    role: str | None = None


@dataclass(frozen=True)
class Api:
    """One protected API; `identifier` is its public URL without a trailing slash, and its `aud`."""

    identifier: str
    name: str
    scopes: tuple[ApiScope, ...]


@dataclass(frozen=True)
class ScopeCatalogue:
    """Every scope there is, and the API that each belongs to."""

    apis: tuple[Api, ...]

    @cached_property
    def _by_name(self) -> dict[str, tuple[Api, ApiScope]]:
        return {scope.name: (api, scope) for api in self.apis for scope in api.scopes}

    @property
    def names(self) -> frozenset[str]:
        """Every scope that can be asked for."""
        return OIDC_SCOPES | frozenset(self._by_name)

    def describe(self, scopes: frozenset[str]) -> list[str]:
        """Return what each of `scopes` lets a client do, in words for people: those of OpenID first."""
        ours = {name: gettext(text) for name, text in _OIDC_DESCRIPTIONS.items()}
        descriptions = ours | {name: scope.description for name, (_, scope) in self._by_name.items()}
        return [text for name, text in descriptions.items() if name in scopes]

    def entitled(self, scopes: frozenset[str], roles: Iterable[str]) -> frozenset[str]:
        """Return those of `scopes` that a user with these roles may have; the cut is silent."""
        held = frozenset(roles)
        return frozenset(name for name in scopes if self._may_have(name, held))

    def entitled_machine(self, scopes: frozenset[str]) -> frozenset[str]:
        """Return those of `scopes` that a client may have for itself: of APIs, and never one that needs a role."""
        return frozenset(name for name in scopes if name in self._by_name and self._by_name[name][1].role is None)

    def scopes_of(self, resource: str) -> frozenset[str]:
        """Return the scopes of the API with this identifier."""
        return frozenset(name for name, (api, _) in self._by_name.items() if api.identifier == resource)

    def _may_have(self, name: str, roles: frozenset[str]) -> bool:
        if name in OIDC_SCOPES:
            return True
        if name not in self._by_name:
            return False
        _, scope = self._by_name[name]
        return not scope.machine_only and (scope.role is None or scope.role in roles)

    def resources(self, asked: Iterable[str]) -> tuple[str, ...]:
        """Return the identifiers that the `resource` parameters name, an empty path normalised away.

        Raises:
            UnknownResource: one of them is not an API of ours.
        """
        identifiers = {api.identifier for api in self.apis}
        found = []
        for resource in asked:
            identifier = _EMPTY_PATH.sub(r"\1", resource)
            if identifier not in identifiers:
                raise UnknownResource(resource)
            found.append(identifier)
        return tuple(dict.fromkeys(found))

    def narrow(self, scopes: frozenset[str], resources: tuple[str, ...]) -> frozenset[str]:
        """Return `scopes` without those of APIs outside `resources` (none: every API); scopes of OpenID stay."""
        if not resources:
            return scopes
        kept = {scope.name for api in self.apis if api.identifier in resources for scope in api.scopes}
        return scopes & (OIDC_SCOPES | kept)

    def narrow_to_asked(self, scopes: frozenset[str], asked: Iterable[str]) -> frozenset[str]:
        """Return `scopes` narrowed to the `resource` parameters of a request.

        Raises:
            UnknownResource: one of them is not an API of ours, or none of its scopes is among `scopes`.
        """
        resources, reached = self.resources(asked), self.audience(scopes)
        for resource in resources:
            if resource not in reached:
                raise UnknownResource(resource)
        return self.narrow(scopes, resources)

    def audience(self, scopes: frozenset[str]) -> list[str]:
        """Return the identifiers of the APIs whose scopes these are, in the catalogue's order."""
        reached = {self._by_name[name][0].identifier for name in scopes if name in self._by_name}
        return [api.identifier for api in self.apis if api.identifier in reached]


class Apis(Protocol):
    """The port that storage implements."""

    def catalogue(self) -> ScopeCatalogue: ...


def split_scope(wire: str | None) -> frozenset[str]:
    """Return the scopes of the wire's space-separated string."""
    return frozenset(filter(None, (wire or "").split(" ")))


def join_scopes(scopes: Iterable[str]) -> str:
    """Return the wire's string, in a stable order."""
    return " ".join(sorted(scopes))
