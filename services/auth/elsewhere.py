"""What no request to an endpoint passes: health, the files of the pages, and addresses that do not exist."""

from collections.abc import Callable, Iterable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from services.auth.endpoints.web.appearance import PLAIN, STATIC, STYLE, Appearance
from services.auth.endpoints.web.endpoint import Endpoint
from services.auth.endpoints.web.errors import install_error_handlers
from shared.health import health_router


def create_elsewhere(
    ready: Callable[[], None], endpoints: Iterable[Endpoint], appearance: Appearance = PLAIN
) -> FastAPI:
    """Return the application beside the endpoints; `ready` raises a SuiteError that says what is missing."""

    async def style(http: Request) -> Response:
        del http
        return Response(appearance.stylesheet, media_type="text/css", headers={"Cache-Control": "max-age=86400"})

    app = FastAPI(
        title="auth",
        openapi_url=None,
        redirect_slashes=False,  # a 307 to an address made from the Host header, password and all
    )
    app.include_router(health_router(ready))
    app.add_route(STYLE, style, methods=["GET"])
    app.mount("/static", StaticFiles(directory=STATIC))
    install_error_handlers(app, endpoints)
    return app
