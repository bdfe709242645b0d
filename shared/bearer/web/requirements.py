"""What a route may require of its caller: a token, a scope, a strong or recent sign-in, word of every revocation.

Spec: RFC 6750 s2.1, s3.1; RFC 9449 s7.1; RFC 9470 s3, s5

    principal: Annotated[Principal, Depends(require_scope("orders:write"))]
    dependencies=[Depends(require_auth(acr="urn:company:acr:mfa", max_age=timedelta(minutes=5))), Depends(fail_closed)]

They compose in any number, and are asked in the order of `rank`, whatever the order they are written in: a token
without the scope is told so before anyone signs in anew for nothing. All of it is asked at every request, also of a
token that was verified before.
"""

import re
import string
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from typing import ClassVar, TypeAlias
from urllib.parse import quote

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from prometheus_client import Counter
from starlette.requests import HTTPConnection
from starlette.types import Scope

from shared.bearer.challenge import (
    InsufficientScope,
    InsufficientUserAuthentication,
    MalformedRequest,
    NoCredentials,
    require_scope_form,
)
from shared.bearer.principal import Principal
from shared.bearer.protected_api import ProtectedApi
from shared.bearer.verifier import AccessTokenVerifier

requests_by_result = Counter(
    "bearer_requests", "Requests to protected routes, by what became of their credentials.", ["result"]
)
_let_in = requests_by_result.labels("authenticated")

# Where a request keeps its principal and what it was found to meet: in its own ASGI scope. Not in `request.state`,
# which a server may share between requests.
_ASKED, _PROVED = "shared.bearer.asked", "shared.bearer.proved"
_Asked: TypeAlias = tuple[Principal | None, frozenset["Requirement"]]
_NOT_ASKED: _Asked = (None, frozenset())

#: The name of the credentials' scheme in an OpenAPI document.
ACCESS_TOKEN = "access_token"
# What b64token may hold before its padding (RFC 6750 s2.1). Deleting these is ten times as fast as a regex.
_BEARER = b"Bearer "
_SCHEMES = frozenset({b"bearer", b"dpop"})
_TOKEN_CHARACTERS = (string.ascii_letters + string.digits + "-._~+/").encode()


class Requirement:
    """A dependency that yields the Principal of a request that meets it.

    Raises, when called:
        BearerRefusal: as its subclasses say.
        Unavailable: what it must look at cannot be had.
    """

    rank: ClassVar[int]

    def __init__(self) -> None:
        self._alone = Requirements((self,))

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """Return the request's principal. The route has asked before it read the body, if it is a ProtectedRoute."""
        return await authorize(self._alone, connection)

    def require(self, principal: Principal, verifier: AccessTokenVerifier) -> Awaitable[None] | None:
        """Return if the caller meets the requirement, raise if not; what is returned must be awaited to know."""
        raise NotImplementedError


class Requirements:
    """Requirements that are asked together, in the order of their rank."""

    def __init__(self, requirements: Iterable[Requirement]) -> None:
        self.in_order = tuple(sorted(dict.fromkeys(requirements), key=lambda requirement: requirement.rank))
        self.all = frozenset(self.in_order)
        scopes = (requirement.least for requirement in self.in_order if isinstance(requirement, ScopeRequirement))
        #: All that a client should ask for before it comes back, None if no scope is required.
        self.scope = " ".join(dict.fromkeys(scopes)) or None


class FreshStatusRequirement(Requirement):
    """Word of revocations that is not past its `exp`: without it, 503."""

    rank = 0

    def require(self, principal: Principal, verifier: AccessTokenVerifier) -> Awaitable[None]:
        """Look at the age of the list that the caller was let in by."""
        return verifier.require_fresh_status(principal)


class ScopeRequirement(Requirement, SecurityBase):
    """At least one of `scopes`.

    FastAPI shows it in the OpenAPI document for being a SecurityBase; its own HTTPBearer would cost more than the
    whole look-up of a token already verified.
    """

    rank = 1
    scheme_name = ACCESS_TOKEN
    model = HTTPBearer(bearerFormat="JWT", description="An access token of the suite's provider (RFC 9068).")

    def __init__(self, *scopes: str) -> None:
        if not scopes:
            raise ValueError("require_scope: say at least one scope")
        for scope in scopes:
            require_scope_form(scope)
        self._scopes = frozenset(scopes)
        self.least = scopes[0]
        super().__init__()

    def require(self, principal: Principal, verifier: AccessTokenVerifier) -> None:
        """Compare the token's scopes."""
        del verifier
        if self._scopes.isdisjoint(principal.scopes):
            raise InsufficientScope("scope", scope=self.least)


class AuthenticationRequirement(Requirement):
    """A sign-in of the class `acr`, at most `max_age` ago."""

    rank = 2

    def __init__(self, acr: str | None, max_age: timedelta | None) -> None:
        super().__init__()
        if acr is None and max_age is None:
            raise ValueError("require_auth: say acr, max_age, or both")
        if acr is not None and not re.fullmatch(r"[!#-\[\]-~]+", acr, re.ASCII):
            raise ValueError("require_auth: acr stands in a quoted header: no space, quote or backslash")
        if max_age is not None and max_age < timedelta(seconds=1):
            raise ValueError("require_auth: a max_age below a second can never be met")
        self._acr = acr
        self._max_age = max_age

    def require(self, principal: Principal, verifier: AccessTokenVerifier) -> None:
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


async def authorize(requirements: Requirements, connection: HTTPConnection, *, anew: bool = False) -> Principal:
    """Return the principal of a request that meets all of `requirements`, and note with the request that it does.

    The one way to ask: routes, endpoints and dependencies all come here. What was found to be met is not asked again,
    unless `anew`: then all is asked once more that was met before, for a body that has taken its time.

    Raises:
        BearerRefusal, Unavailable: as a Requirement does.
    """
    scope = connection.scope
    asked: _Asked = scope.get(_ASKED, _NOT_ASKED)
    principal, met = asked
    if anew:
        requirements, principal, met = Requirements(met | requirements.all), None, frozenset()
    elif principal is not None and requirements.all <= met:
        return principal
    api = _api(scope)
    verifier = api.verifier
    try:
        if principal is None:
            principal = await _authenticated(scope, api)
            if not anew:
                _let_in.inc()
        for requirement in requirements.in_order:
            if (pending := requirement.require(principal, verifier)) is not None:
                await pending
    except (NoCredentials, InsufficientScope) as refusal:
        refusal.scope = requirements.scope or refusal.scope
        raise
    scope[_ASKED] = principal, (met | requirements.all if met else requirements.all)
    return principal


def principal_of(connection: HTTPConnection) -> Principal | None:
    """Return the principal that a request was authorized as, None while it was not."""
    asked: _Asked = connection.scope.get(_ASKED, _NOT_ASKED)
    return asked[0]


async def _authenticated(scope: Scope, api: ProtectedApi) -> Principal:
    verifier = api.verifier
    sent = [value for name, value in scope["headers"] if name == b"authorization"]
    # what was found to be a good token before was also well-formed
    if len(sent) == 1 and sent[0].startswith(_BEARER):
        principal = verifier.verify_cached(sent[0][len(_BEARER) :])
        if principal is not None:
            return principal
    scheme, access_token = _access_token(sent)
    if scheme != b"dpop":
        return await verifier.verify(access_token)
    principal = verifier.verify_cached(access_token.encode(), bound=True)
    if principal is None:
        principal = await verifier.verify(access_token, bound=True)
    if scope.get(_PROVED) != principal.jkt:  # asked again when the body is in, a request has one proof
        _require_proof(scope, api, access_token, principal)
        scope[_PROVED] = principal.jkt
    return principal


def _require_proof(scope: Scope, api: ProtectedApi, access_token: str, principal: Principal) -> None:
    raw: bytes | None = scope.get("raw_path")
    api.proofs.require(
        [value for name, value in scope["headers"] if name == b"dpop"],
        method=scope.get("method", "GET"),  # a WebSocket opens with GET
        path=quote(scope["path"]) if raw is None else raw.decode("latin-1").partition("?")[0],
        access_token=access_token,
        jkt=principal.jkt or "",
        now=api.verifier.clock.now(),
    )


def _api(scope: Scope) -> ProtectedApi:
    api: ProtectedApi | None = getattr(scope["app"].state, "protected_api", None)
    if api is None:
        raise RuntimeError("install_bearer(app, api) was not called for the application that this route is in")
    return api


def _access_token(sent: list[bytes]) -> tuple[bytes, str]:
    """Return the scheme, in lower case (they ignore case, RFC 9110 s11.1), and the token."""
    if not sent:
        raise NoCredentials("no_credentials")
    if len(sent) > 1:
        raise MalformedRequest("repeated_header")
    scheme = (sent[0].split(maxsplit=1) or [b""])[0]
    if scheme.lower() not in _SCHEMES:
        raise NoCredentials("other_scheme")
    rest = sent[0][len(scheme) :]
    token = rest.strip(b" ")
    text = token.rstrip(b"=")
    if not rest.startswith(b" ") or not text or text.translate(None, _TOKEN_CHARACTERS):
        raise MalformedRequest("malformed_header")
    return scheme.lower(), token.decode("ascii")
