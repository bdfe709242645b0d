"""The route of an endpoint that takes the request as it came and makes its own response, at one exact path.

FastAPI then has no parameter to resolve, no body to parse and nothing to serialise, and looks for none of it.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope


class DirectRoute(APIRoute):
    """For `APIRouter(route_class=DirectRoute)`: endpoints are `async def name(http: Request) -> Response`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Compare the path, which holds no parameter; what is left is the method."""
        return super().matches(scope) if scope["path"] == self.path else (Match.NONE, {})
