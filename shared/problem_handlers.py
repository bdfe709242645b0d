"""How an API answers each error that a request has raised: a problem document, whoever raised it.

Spec: RFC 9457
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from shared.errors import Conflict, InvalidInput, NotFound, PreconditionFailed, TooManyRequests, Unavailable
from shared.problem_codes import ProblemCode
from shared.problem_details import ProblemError, conflict_problem, problem, retry_after, unavailable_problem

#: Errors of one request that are listed.
MOST_ERRORS = 100


def install_problem_details(app: FastAPI) -> None:
    """Make `app` answer every error of its own, of Starlette and of validation as a problem document."""
    _install_refusals_of_input(app)

    @app.exception_handler(NotFound)
    async def not_found(request: Request, error: NotFound) -> Response:
        detail = str(error) or "No such record."
        return problem(404, detail, code=ProblemCode.NO_SUCH_RECORD, instance=request.url.path)

    @app.exception_handler(Conflict)
    async def conflict(request: Request, error: Conflict) -> Response:
        return conflict_problem(error, request.url.path)

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> Response:
        return unavailable_problem(error, request.url.path)

    @app.exception_handler(TooManyRequests)
    async def too_many(request: Request, error: TooManyRequests) -> Response:
        return problem(429, str(error), instance=request.url.path, headers=retry_after(error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        detail = error.detail if isinstance(error.detail, str) else HTTPStatus(error.status_code).phrase
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods_at(app, request.scope))
        code = error.code if isinstance(error, ProblemError) else None
        return problem(error.status_code, detail, code=code, instance=request.url.path, headers=headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        del error  # `shared.asgi.Edge` records it
        return problem(500, "The error was recorded.", instance=request.url.path)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(item["type"] == "json_invalid" for item in found):
            return problem(400, "The body is not JSON.", code=ProblemCode.INVALID_JSON, instance=request.url.path)
        # `input` is left out: it would echo what the caller sent
        errors = [{"loc": [str(part) for part in item["loc"]], "msg": item["msg"]} for item in found[:MOST_ERRORS]]
        return _misfit(request, errors, len(found))


def _methods_at(app: FastAPI, scope: Scope) -> list[str]:
    """Return every method that the address takes (RFC 9110 s10.2.1); the route that refused knows its own alone."""
    methods = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
    # who answers GET answers HEAD
    scopes = {method: {**scope, "method": "GET" if method == "HEAD" else method} for method in methods}
    return [method for method in methods if any(route.matches(scopes[method])[0] is Match.FULL for route in app.routes)]


def _misfit(request: Request, errors: list[dict[str, Any]], total: int) -> Response:
    detail = "The request does not fit."
    if total > MOST_ERRORS:
        detail += f" The first {MOST_ERRORS} of {total} errors:"
    return problem(422, detail, instance=request.url.path, errors=errors[:MOST_ERRORS])


def _install_refusals_of_input(app: FastAPI) -> None:
    """Answer what is known of a request only once it is held against the records."""

    @app.exception_handler(PreconditionFailed)
    async def precondition_failed(request: Request, error: PreconditionFailed) -> Response:
        return problem(412, str(error), instance=request.url.path)

    @app.exception_handler(InvalidInput)
    async def invalid_input(request: Request, error: InvalidInput) -> Response:
        errors = [{"loc": list(where), "msg": message} for where, message in error.errors]
        return _misfit(request, errors, len(errors))
