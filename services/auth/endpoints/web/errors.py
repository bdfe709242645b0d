"""How auth answers what an endpoint has raised: each kind in its own format.

Spec: RFC 6749 s5.2 (JSON endpoints; pages elsewhere)
"""

import math
from collections.abc import Iterable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.auth.audit import Refusal, refuse
from services.auth.endpoints.web.caching import NO_STORE
from services.auth.endpoints.web.endpoint import Endpoint, Kind
from services.auth.endpoints.web.pages import error_page
from shared.errors import TooManyRequests, Unavailable

_CASES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_PLAIN = {404: "No such address.", 405: "Use another method.", 413: "The body is too large."}


def is_foreseen(error: Exception) -> bool:
    """Report whether the error is one that needs no record."""
    return isinstance(error, HTTPException | TooManyRequests | Unavailable)


def error_response(kind: Kind, error: Exception) -> Response:
    """Return the answer to an error that an endpoint of this kind has raised."""
    match error:
        case TooManyRequests():
            refuse(Refusal.NETWORK_LIMIT_REACHED)
            headers = {"Retry-After": str(math.ceil(error.retry_after.total_seconds()))}
            text = "Too many requests; try again later."
            return _answer(kind, 429, "too_many_requests", "temporarily_unavailable", text, headers)
        case Unavailable():
            refuse(Refusal.UNAVAILABLE)
            headers = {"Retry-After": str(max(1, int(error.retry_after.total_seconds())))}
            return _answer(kind, 503, "unavailable", "temporarily_unavailable", "Please try again shortly.", headers)
        case HTTPException():
            refuse(Refusal.METHOD_NOT_ALLOWED if error.status_code == 405 else Refusal.HTTP_ERROR)
            case = _CASES.get(error.status_code, "malformed_request")
            text = _PLAIN.get(error.status_code, "The request was refused.")
            return _answer(kind, error.status_code, case, "invalid_request", text, error.headers or {})
        case _:
            refuse(Refusal.INTERNAL_ERROR)
            return _answer(kind, 500, "internal_error", "server_error", "The error was recorded.", {})


def _answer(kind: Kind, status: int, case: str, error: str, text: str, headers: Mapping[str, str]) -> Response:
    if kind is Kind.PAGE:
        return error_page(case, status=status, headers=dict(headers))
    return JSONResponse({"error": error, "error_description": text}, status, {**NO_STORE, **headers})


def install_error_handlers(app: Starlette, endpoints: Iterable[Endpoint]) -> None:
    """Answer where no endpoint is: JSON at what looks like an address for programs, pages elsewhere."""
    programs = tuple(each.path.partition("{")[0] for each in endpoints if each.kind is not Kind.PAGE)

    async def answer(http: Request, error: Exception) -> Response:
        asked_by_program = http.url.path.startswith(("/.well-known/", *programs))
        return error_response(Kind.JSON if asked_by_program else Kind.PAGE, error)

    for kind in (HTTPException, Exception):
        app.add_exception_handler(kind, answer)
