"""The routes of an application that ask for no access token: listed when it starts, refused where they hide.

Policy: ADR-0040
"""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from shared.bearer.web.misuse import UnprotectedRoute, require_sound, requirements_in
from shared.bearer.web.requirements import Requirement, ScopeRequirement
from shared.bearer.web.route import ProtectedRoute, required_by


def look_at_routes(app: FastAPI, scopes: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the routes that ask for no token, and the scopes that routes require though `scopes` does not name them.

    Raises:
        UnprotectedRoute: a router of protected routes holds another kind of route (`add_route`, `mount`) that asks for
            nothing, or a route's dependency is not what it seems.
    """
    _require_routers_sound(app.routes)
    open_routes, required = [], set()
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        asked = list(_asked(route, context))
        required |= {asking.least for asking in asked if isinstance(asking, ScopeRequirement)}
        if not asked:
            open_routes.append(_name(route, context))
    return sorted(set(open_routes)), sorted(required - set(scopes))


def _asked(route: BaseRoute, context: Any) -> Iterator[Requirement]:
    dependant = getattr(context, "dependant", None)
    if dependant is not None:  # of an APIRoute or an APIWebSocketRoute, with what include_router adds
        require_sound(_name(route, context), dependant)
        yield from requirements_in(dependant)
    if isinstance(route, APIRoute):
        yield from required_by(route.endpoint)


def _require_routers_sound(routes: Iterable[BaseRoute]) -> None:
    for included in routes:
        router = getattr(included, "original_router", None)
        if not isinstance(router, APIRouter):
            continue
        if issubclass(router.route_class, ProtectedRoute):
            for route in router.routes:
                if not (hasattr(route, "original_router") or any(_asked(route, route)) or _is_public(route)):
                    raise UnprotectedRoute(
                        f"{_name(route, route)}: it is in a router of protected routes and asks for no token: "
                        "put what is public, and what is mounted, into another router"
                    )
        _require_routers_sound(router.routes)


def _is_public(route: BaseRoute) -> bool:
    return isinstance(route, ProtectedRoute) and route.public


def _name(route: BaseRoute, context: Any) -> str:
    path = getattr(context, "path", None) or getattr(route, "path", "?")
    methods = getattr(route, "methods", None)
    return f"{'/'.join(sorted(methods)) if methods else type(route).__name__} {path}"
