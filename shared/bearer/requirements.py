"""What a route may demand of its caller: a token, a scope, a strong or recent sign-in, word of every revocation.

Spec: RFC 6750 s2.1, s3.1; RFC 9470 s3, s5

    principal: Annotated[Principal, Depends(require_scope("orders:write"))]
    dependencies=[Depends(require_auth(acr="urn:company:acr:mfa", max_age=timedelta(minutes=5))), Depends(fail_closed)]

They compose in any number, and are asked in the order of `rank`, whatever the order they are written in: a token
without the scope is told so before anyone signs in anew for nothing. All of it is asked at every request, also of a
token that was verified before.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import ClassVar

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from prometheus_client import Counter

from shared.bearer.challenge import (
    InsufficientScope,
    InsufficientUserAuthentication,
    MalformedRequest,
    NoCredentials,
)
from shared.bearer.principal import Principal
from shared.bearer.protected_api import ProtectedApi
from shared.bearer.verifier import AccessTokenVerifier

requests_by_result = Counter(
    "bearer_requests", "Requests to protected routes, by what became of their credentials.", ["result"]
)
_authenticated = requests_by_result.labels("authenticated")

# Where a request keeps its principal between the requirements of its route: in its own ASGI scope. Not in
# `request.state`, which a server may share between requests.
_PRINCIPAL = "shared.bearer.principal"
_MET = "shared.bearer.met"

# b64token (RFC 6750 s2.1); schemes ignore case (RFC 9110 s11.1)
_BEARER = re.compile(r"bearer(?: +(?P<token>[A-Za-z0-9\-._~+/]+=*))?", re.IGNORECASE | re.ASCII)


class Requirement:
    """A dependency that yields the Principal of a request that meets it.

    Raises, when called:
        BearerRefusal: as its subclasses say.
        Unavailable: what it must look at cannot be had.
    """

    rank: ClassVar[int]

    async def __call__(self, request: Request) -> Principal:
        """Authenticate, then authorize."""
        if self in request.scope.get(_MET, ()):  # the route has asked this one, before it read the body
            known: Principal = request.scope[_PRINCIPAL]
            return known
        verifier = _verifier(request)
        principal: Principal | None = request.scope.get(_PRINCIPAL)
        if principal is None:
            principal = request.scope[_PRINCIPAL] = await verifier.verify(_access_token(request.scope["headers"]))
            _authenticated.inc()
        await self.demand(principal, verifier)
        return principal

    async def demand(self, principal: Principal, verifier: AccessTokenVerifier) -> None:
        """Return if the caller meets the requirement, raise if not."""
        raise NotImplementedError


class FreshStatusRequirement(Requirement):
    """Word of revocations that is not past its `exp`: without it, 503."""

    rank = 0

    async def demand(self, principal: Principal, verifier: AccessTokenVerifier) -> None:
        """Look at the age of the list that the caller was let in by."""
        await verifier.demand_fresh_status(principal)


class ScopeRequirement(Requirement, SecurityBase):
    """At least one of `scopes`.

    FastAPI shows it in the OpenAPI document for being a SecurityBase; its own HTTPBearer would cost more than the
    whole look-up of a token already verified.
    """

    rank = 1
    scheme_name = "access_token"
    model = HTTPBearer(bearerFormat="JWT", description="An access token of the suite's provider (RFC 9068).")

    def __init__(self, *scopes: str) -> None:
        self._scopes = frozenset(scopes)
        self.least = scopes[0]

    async def demand(self, principal: Principal, verifier: AccessTokenVerifier) -> None:
        """Compare the token's scopes."""
        del verifier
        if self._scopes.isdisjoint(principal.scopes):
            raise InsufficientScope("scope", scope=self.least)


class AuthenticationRequirement(Requirement):
    """A sign-in of the class `acr`, at most `max_age` ago."""

    rank = 2

    def __init__(self, acr: str | None, max_age: timedelta | None) -> None:
        if acr is None and max_age is None:
            raise ValueError("require_auth: say acr, max_age, or both")
        if acr is not None and not re.fullmatch(r"[!#-\[\]-~]+", acr, re.ASCII):
            raise ValueError("require_auth: acr stands in a quoted header: no space, quote or backslash")
        if max_age is not None and max_age < timedelta(seconds=1):
            raise ValueError("require_auth: a max_age below a second can never be met")
        self._acr = acr
        self._max_age = max_age

    async def demand(self, principal: Principal, verifier: AccessTokenVerifier) -> None:
        """Compare how and when the user signed in; a machine client never did."""
        if self._acr is not None and principal.acr != self._acr:
            raise self._refusal("acr")
        if self._max_age is not None:
            if principal.auth_time is None:
                raise self._refusal("no_auth_time")
            if not -verifier.rules.leeway <= verifier.clock.now() - principal.auth_time <= self._max_age:
                raise self._refusal("max_age")

    def _refusal(self, reason: str) -> InsufficientUserAuthentication:
        return InsufficientUserAuthentication(reason, acr=self._acr, max_age=self._max_age)


def require_scope(scope: str, *alternatives: str) -> ScopeRequirement:
    """Return the dependency of a route that needs `scope`, or one of `alternatives` in its place."""
    return ScopeRequirement(scope, *alternatives)


def require_auth(*, acr: str | None = None, max_age: timedelta | None = None) -> AuthenticationRequirement:
    """Return the dependency of a route that needs a sign-in of that class, at most so long ago.

    Refused with the challenge by which a client signs its user in anew (RFC 9470): 401,
    `insufficient_user_authentication`, with `acr_values` and `max_age`. Says nothing of scopes: compose it with
    `require_scope`.
    """
    return AuthenticationRequirement(acr, max_age)


#: Marks a route that must not act on stale word of revocations: `dependencies=[Depends(fail_closed)]`. By default a
#: route goes on while the provider is away, for as long as any token could live; a marked one answers 503.
fail_closed = FreshStatusRequirement()


def _verifier(request: Request) -> AccessTokenVerifier:
    api: ProtectedApi = request.app.state.protected_api
    return api.verifier


def all_met(request: Request, requirements: Sequence[Requirement]) -> None:
    """Note that this request has met these: the route asks those that it knows, and FastAPI would again."""
    request.scope[_MET] = requirements


def _access_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    sent = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
    if not sent:
        raise NoCredentials("no_credentials")
    if len(sent) > 1:
        raise MalformedRequest("repeated_header")
    scheme, *_ = sent[0].split(maxsplit=1) or [""]
    if scheme.lower() != "bearer":
        raise NoCredentials("other_scheme")
    found = _BEARER.fullmatch(sent[0].rstrip(" "))
    if found is None or found["token"] is None:
        raise MalformedRequest("malformed_header")
    return found["token"]
