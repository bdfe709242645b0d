"""ProtectedRoute: what a route requires is asked before its body is read, once more when the body is in, and cheaply.

Spec: RFC 6750 s3, RFC 9110 s15.5.9 (408), s15.5.16 (415), RFC 9111 s5.2.2.5 (no-store)
Policy: ADR-0031, ADR-0040

FastAPI parses a body before it asks the dependencies: a caller without a token would learn what is wrong with their
JSON. And solving one dependency costs it more than the whole look-up of a token already verified. So a route of an
`async def` endpoint does what FastAPI would do with its requirements: `_taking_over` hands FastAPI a function with the
same signature but for those parameters, and one of its own, the connection. FastAPI parses and injects the rest. The
function asks for the principal itself (`authorize`, which finds it noted by then) and passes it on under the names that
were taken. A plain `def` endpoint goes FastAPI's way: its requirements stay dependencies.
"""

import functools
import inspect
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar, TypeVar, get_args

from fastapi import Request, params
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.responses import Response

from shared.bearer.web.body import BodyTooSlow, WatchedBody, accepts
from shared.bearer.web.docs_page import SIGN_IN
from shared.bearer.web.misuse import UnprotectedRoute, require_sound, requirements_in
from shared.bearer.web.requirements import ACCESS_TOKEN, Requirement, Requirements, ScopeRequirement, authorize
from shared.problem_details import problem

_NO_STORE = (b"cache-control", b"no-store")
# Where an endpoint keeps what it asks for by itself, and that it is for everybody.
_REQUIRED, _PUBLIC = "__bearer_required__", "__bearer_public__"
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def public(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint as open to everybody, for a router of protected routes: between `@router.get` and `def`."""
    setattr(endpoint, _PUBLIC, True)
    return endpoint


def required_by(endpoint: Callable[..., Any]) -> Sequence[Requirement]:
    """Return what an endpoint asks for by itself: what its ProtectedRoute has taken over."""
    required: Sequence[Requirement] = getattr(endpoint, _REQUIRED, ())
    return required


class ProtectedRoute(APIRoute):
    """A route that looks at the credentials before it reads the body, and whose answers no cache may keep.

    Also answers 415 for a body of another media type than it takes, and 408 for one that takes longer than
    `body_deadline` to arrive. When the body is in, all is asked again: the caller may have signed out meanwhile. A
    requirement that only `include_router` adds is asked as well, but by FastAPI, after the body: the route does not see
    it.

    Raises, when made:
        UnprotectedRoute: it requires nothing and is not `public` (or both), or a requirement is not what it seems.
    """

    #: How long a body may take to arrive.
    body_deadline: ClassVar[timedelta] = timedelta(seconds=120)

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        dependencies: Sequence[params.Depends] | None = None,
        openapi_extra: dict[str, Any] | None = None,
        public: bool = False,
        **options: Any,
    ) -> None:
        """`public`: the route is open to everybody; `@public` at the endpoint says the same."""
        rest = list(dependencies or ())
        self.public = public or getattr(endpoint, _PUBLIC, False)
        if named := _parameters_to_take(endpoint):
            unnamed = [one.dependency for one in rest if _is_requirement(one)]
            rest = [one for one in rest if not _is_requirement(one)]
            endpoint = _taking_over(endpoint, named, [one for one in unnamed if isinstance(one, Requirement)])
        super().__init__(path, endpoint, dependencies=rest, openapi_extra=openapi_extra, **options)
        where = f"{'/'.join(sorted(self.methods or ()))} {path}"
        require_sound(where, self.dependant)
        if self.public == any(self._requirements()):
            said = "it is public and requires a token" if self.public else "it requires nothing, so everybody is let in"
            raise UnprotectedRoute(f"{where}: {said}; add Depends(require_scope(...)), or @public, and not both")
        if described := self._security():
            self.openapi_extra = {**(self.openapi_extra or {}), "security": described}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()
        requirements = Requirements(self._requirements())
        body_field = self.body_field

        async def protected(request: Request) -> Response:
            body = None
            if requirements.all:
                await authorize(requirements, request)
                if request.method not in {"GET", "HEAD"}:
                    body = WatchedBody(requirements, request, self.body_deadline)
                    request = Request(request.scope, body.receive)
            if body_field is not None and (wanted := accepts(body_field, request)) is not None:
                return problem(415, f"The body must be {wanted}.", instance=request.url.path)
            try:
                response = await handle(request)
            except Exception as error:
                if body is None or body.refusal is None:
                    raise
                if isinstance(body.refusal, BodyTooSlow):
                    detail = "The body took too long to arrive."
                    return problem(408, detail, instance=request.url.path, headers={"Connection": "close"})
                raise body.refusal from error  # FastAPI takes what the body raised for a body that it cannot parse
            for name, _ in response.raw_headers:
                if name == b"cache-control":
                    return response
            response.raw_headers.append(_NO_STORE)
            return response

        return protected

    def _requirements(self) -> Iterator[Requirement]:
        yield from required_by(self.endpoint)
        yield from requirements_in(self.dependant)

    def _security(self) -> list[dict[str, list[str]]]:
        """Return what the description is to say of credentials, beside what FastAPI says of dependencies it sees."""
        scopes = [asked.least for asked in self._requirements() if isinstance(asked, ScopeRequirement)]
        described: list[dict[str, list[str]]] = []
        if any(isinstance(asked, ScopeRequirement) for asked in required_by(self.endpoint)):
            described.append({ACCESS_TOKEN: []})
        return [*described, {SIGN_IN: scopes}] if scopes else []


def _is_requirement(said: Any) -> bool:
    """Return whether that is a requirement and no more. `require_sound` refuses `Security` with scopes."""
    scopes = isinstance(said, params.Security) and said.scopes
    return isinstance(said, params.Depends) and isinstance(said.dependency, Requirement) and not scopes


def _parameters_to_take(endpoint: Callable[..., Any]) -> dict[str, Requirement]:
    """Return the parameters that are requirements. None, so that all goes FastAPI's way, where ours cannot be gone:
    in an endpoint that is not a coroutine, or takes an HTTPConnection of its own.
    """
    parameters = inspect.signature(endpoint).parameters.values()
    if not inspect.iscoroutinefunction(endpoint) or any(one.annotation is HTTPConnection for one in parameters):
        return {}
    found = {}
    for parameter in parameters:
        for said in (*get_args(parameter.annotation)[1:], parameter.default):
            if _is_requirement(said):
                found[parameter.name] = said.dependency
    return found


def _taking_over(
    endpoint: Callable[..., Coroutine[Any, Any, Any]], named: dict[str, Requirement], unnamed: Sequence[Requirement]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the endpoint without those parameters. It asks what they require by itself, so that it is protected
    wherever it is put; on its own route the answers are known by then.
    """
    requirements = Requirements([*named.values(), *unnamed])

    @functools.wraps(endpoint)
    async def asking(*, _connection: HTTPConnection, **arguments: Any) -> Any:
        principal = await authorize(requirements, _connection)
        return await endpoint(**arguments, **dict.fromkeys(named, principal))

    signature = inspect.signature(endpoint)
    kept = [parameter for parameter in signature.parameters.values() if parameter.name not in named]
    added = inspect.Parameter("_connection", inspect.Parameter.KEYWORD_ONLY, annotation=HTTPConnection)
    asking.__signature__ = signature.replace(parameters=[*kept, added])  # type: ignore[attr-defined]
    setattr(asking, _REQUIRED, requirements.in_order)
    return asking
