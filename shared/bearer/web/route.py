"""ProtectedRoute: what a route demands is asked before its body is read, and costs next to nothing.

Spec: RFC 6750 s3, RFC 9110 s15.5.16 (415), RFC 9111 s5.2.2.5 (no-store)
Policy: ADR-0031. FastAPI parses a body before it asks the dependencies: a caller without a token would learn what is
wrong with their JSON. And solving one dependency costs it more than the whole look-up of a token already verified:
what can be seen from the outside of an `async def` endpoint is therefore taken out of its signature, and asked here.
"""

import functools
import inspect
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, get_args

from fastapi import Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from shared.bearer.web.docs_page import SIGN_IN
from shared.bearer.web.requirements import ACCESS_TOKEN, Requirement, Requirements, ScopeRequirement, ask, met

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json(?:\s*;.*)?", re.IGNORECASE | re.ASCII)
_NO_STORE = (b"cache-control", b"no-store")


class ProtectedRoute(APIRoute):
    """A route that looks at the credentials before it reads the body, and whose answers no cache may keep.

    Also answers 415 for a body that is not JSON. A requirement that only `include_router` adds is asked as well, but
    by FastAPI, after the body: the route does not see it.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        dependencies: Sequence[params.Depends] | None = None,
        openapi_extra: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        rest = list(dependencies or ())
        self._taken: list[Requirement] = []
        if named := _parameters_to_take(endpoint):
            unnamed = [one.dependency for one in rest if isinstance(one.dependency, Requirement)]
            rest = [one for one in rest if not isinstance(one.dependency, Requirement)]
            endpoint = _asking_itself(endpoint, named, unnamed)
            self._taken = [*named.values(), *unnamed]
        super().__init__(path, endpoint, dependencies=rest, openapi_extra=openapi_extra, **options)
        if described := self._security():
            self.openapi_extra = {**(self.openapi_extra or {}), "security": described}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()
        requirements = Requirements(self._requirements())
        takes_body = self.body_field is not None

        async def protected(request: Request) -> Response:
            if requirements.all:
                await ask(requirements, request)
            if takes_body and _JSON.fullmatch(request.headers.get("Content-Type", "")) is None:
                raise HTTPException(415, "The body must be application/json.")
            response = await handle(request)
            for name, _ in response.raw_headers:
                if name == b"cache-control":
                    return response
            response.raw_headers.append(_NO_STORE)
            return response

        return protected

    def _requirements(self) -> Iterator[Requirement]:
        yield from self._taken
        yield from _requirements(self.dependant)

    def _security(self) -> list[dict[str, list[str]]]:
        """Return what the description is to say of credentials, beside what FastAPI says of dependencies it sees."""
        scopes = [demand.least for demand in self._requirements() if isinstance(demand, ScopeRequirement)]
        described: list[dict[str, list[str]]] = []
        if any(isinstance(demand, ScopeRequirement) for demand in self._taken):
            described.append({ACCESS_TOKEN: []})
        return [*described, {SIGN_IN: scopes}] if scopes else []


def _requirements(dependant: Dependant) -> Iterator[Requirement]:
    """Yield what is demanded in a way that FastAPI sees, also by a dependency of a dependency."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Requirement):
            yield dependency.call
        yield from _requirements(dependency)


def _parameters_to_take(endpoint: Callable[..., Any]) -> dict[str, Requirement]:
    """Return the parameters that are requirements. None, so that all goes FastAPI's way, where ours cannot be gone:
    in an endpoint that is no coroutine, or takes an HTTPConnection of its own.
    """
    parameters = inspect.signature(endpoint).parameters.values()
    if not inspect.iscoroutinefunction(endpoint) or any(one.annotation is HTTPConnection for one in parameters):
        return {}
    found = {}
    for parameter in parameters:
        for said in (*get_args(parameter.annotation)[1:], parameter.default):
            if isinstance(said, params.Depends) and isinstance(said.dependency, Requirement):
                found[parameter.name] = said.dependency
    return found


def _asking_itself(
    endpoint: Callable[..., Coroutine[Any, Any, Any]], named: dict[str, Requirement], unnamed: Sequence[Requirement]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the endpoint without those parameters. It asks what they demand by itself, so that it is protected
    wherever it is put; on its own route the answers are known by then.
    """
    requirements = Requirements([*named.values(), *unnamed])

    @functools.wraps(endpoint)
    async def asking(*, _connection: HTTPConnection, **arguments: Any) -> Any:
        principal = met(requirements, _connection) or await ask(requirements, _connection)
        return await endpoint(**arguments, **dict.fromkeys(named, principal))

    signature = inspect.signature(endpoint)
    kept = [parameter for parameter in signature.parameters.values() if parameter.name not in named]
    added = inspect.Parameter("_connection", inspect.Parameter.KEYWORD_ONLY, annotation=HTTPConnection)
    asking.__signature__ = signature.replace(parameters=[*kept, added])  # type: ignore[attr-defined]
    return asking
