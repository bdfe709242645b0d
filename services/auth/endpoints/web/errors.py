"""How auth answers what no endpoint has answered: each address in its own format.

Spec: RFC 6749 s5.2 (JSON endpoints; pages elsewhere)
"""

import math

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.auth.endpoints.token import NO_STORE
from services.auth.endpoints.web.pages import error_page
from shared.errors import TooManyRequests, Unavailable

#: Addresses that speak JSON.
_JSON = ("/token", "/par", "/revoke", "/introspect", "/userinfo", "/status/", "/.well-known/")

_CASES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def install_error_handlers(app: FastAPI) -> None:
    """Answer outages and HTTP errors of the framework."""

    @app.exception_handler(Unavailable)
    async def unavailable(http: Request, error: Unavailable) -> Response:
        seconds = str(max(1, int(error.retry_after.total_seconds())))
        if http.url.path.startswith(_JSON):
            body = {"error": "temporarily_unavailable", "error_description": "Please try again shortly."}
            return JSONResponse(body, 503, {**NO_STORE, "Retry-After": seconds})
        return error_page("unavailable", "temporarily_unavailable", status=503, headers={"Retry-After": seconds})

    @app.exception_handler(TooManyRequests)
    async def too_many(http: Request, error: TooManyRequests) -> Response:
        seconds = str(math.ceil(error.retry_after.total_seconds()))
        if http.url.path.startswith(_JSON):
            body = {"error": "temporarily_unavailable", "error_description": "Too many requests; try again later."}
            return JSONResponse(body, 429, {**NO_STORE, "Retry-After": seconds})
        return error_page("too_many_requests", "temporarily_unavailable", status=429, headers={"Retry-After": seconds})

    @app.exception_handler(HTTPException)
    async def http_error(http: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if http.url.path.startswith(_JSON):
            body = {"error": "invalid_request", "error_description": _plain(error.status_code)}
            return JSONResponse(body, error.status_code, {**NO_STORE, **headers})
        case = _CASES.get(error.status_code, "malformed_request")
        return error_page(case, status=error.status_code, headers=headers)

    @app.exception_handler(Exception)
    async def unforeseen(http: Request, error: Exception) -> Response:
        del error  # `shared.asgi.Edge` records it
        if http.url.path.startswith(_JSON):
            body = {"error": "server_error", "error_description": "The error was recorded."}
            return JSONResponse(body, 500, NO_STORE)
        return error_page("internal_error", "server_error", status=500)


def _plain(status: int) -> str:
    return {404: "No such address.", 405: "Use another method.", 413: "The body is too large."}.get(
        status, "The request was refused."
    )
