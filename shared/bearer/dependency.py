"""Bearer tokens at the edge of an API: what a route demands, asked once a request, before its body is read.

Spec: RFC 6750 s2.1, RFC 9110 s11.6.2
In: the `Authorization` header; a token in the query or in a form is no credential here.
Out: a Principal, or a refusal of `challenge`.
"""

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.bearer.challenge import BearerRefusal, InsufficientScope, MalformedRequest, NoCredentials, refusal_response
from shared.bearer.metadata import metadata_router, metadata_url
from shared.bearer.principal import Principal
from shared.bearer.verifier import AccessTokenVerifier

_requests = Counter("bearer_requests", "Requests to protected routes, by what became of their credentials.", ["result"])
_authenticated = _requests.labels("authenticated")

# Where a request keeps its principal between the requirements of its route: in its own ASGI scope. Not in
# `request.state`, which a server may share between requests.
_PRINCIPAL = "shared.bearer.principal"

# b64token (RFC 6750 s2.1); schemes ignore case (RFC 9110 s11.1)
_BEARER = re.compile(r"bearer(?: +(?P<token>[A-Za-z0-9\-._~+/]+=*))?", re.IGNORECASE | re.ASCII)
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json(?:\s*;.*)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class ProtectedApi:
    """One API as its clients see it: `identifier` is its public URL and what `aud` must hold."""

    name: str
    identifier: str
    issuer: str
    scopes: tuple[str, ...]
    verifier: AccessTokenVerifier


def install_bearer(app: FastAPI, api: ProtectedApi) -> None:
    """Make `require_scope` work in `app`: the verifier, the challenges, and the metadata that they point at."""
    app.state.protected_api = api
    resource_metadata = metadata_url(api.identifier)
    app.include_router(
        metadata_router(resource=api.identifier, name=api.name, issuer=api.issuer, scopes=api.scopes),
    )

    @app.exception_handler(BearerRefusal)
    async def refuse(request: Request, refusal: BearerRefusal) -> Response:
        _requests.labels(refusal.reason).inc()
        return refusal_response(request, refusal, realm=api.name, resource_metadata=resource_metadata)


class ScopeRequirement(SecurityBase):
    """A dependency that yields the Principal of a request whose token holds at least one of `scopes`.

    FastAPI shows it in the OpenAPI document for being a SecurityBase; its own HTTPBearer would cost more than the
    whole look-up of a token already verified.
    """

    scheme_name = "access_token"
    model = HTTPBearer(bearerFormat="JWT", description="An access token of the suite's provider (RFC 9068).")

    def __init__(self, *scopes: str) -> None:
        self._scopes = frozenset(scopes)
        self._least = scopes[0]

    async def __call__(self, request: Request) -> Principal:
        """Authenticate, then authorize.

        Raises:
            BearerRefusal: as its subclasses say.
            Unavailable: the issuer's keys cannot be had.
        """
        principal: Principal | None = request.scope.get(_PRINCIPAL)
        if principal is None:
            api: ProtectedApi = request.app.state.protected_api
            principal = request.scope[_PRINCIPAL] = await api.verifier.verify(_access_token(request.headers))
            _authenticated.inc()
        # From here on: what is asked at every request, also of a token verified before.
        if self._scopes.isdisjoint(principal.scopes):
            raise InsufficientScope("scope", scope=self._least)
        return principal


def require_scope(scope: str, *alternatives: str) -> ScopeRequirement:
    """Return the dependency of a route that needs `scope`, or one of `alternatives` in its place."""
    return ScopeRequirement(scope, *alternatives)


class ProtectedRoute(APIRoute):
    """A route that looks at the credentials before it reads the body, and whose answers no cache may keep.

    FastAPI parses a body before it asks the dependencies: a caller without a token would learn what is wrong with
    their JSON. Also answers 415 for a body that is not JSON (RFC 9110 s15.5.16).
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()
        requirements = [d.call for d in self.dependant.dependencies if isinstance(d.call, ScopeRequirement)]
        takes_body = self.body_field is not None

        async def protected(request: Request) -> Response:
            for requirement in requirements:
                await requirement(request)
            if takes_body and _JSON.fullmatch(request.headers.get("Content-Type", "")) is None:
                raise HTTPException(415, "The body must be application/json.")
            response = await handle(request)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return protected


def _access_token(headers: Headers) -> str:
    sent = headers.getlist("Authorization")
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
