"""The OpenAPI document of a resource API: what its errors look like, said at every operation that can make them.

Spec: OpenAPI 3.1, RFC 9457, RFC 6750 s3

FastAPI describes the answers of success and a 422 of its own. The rest is the same in every operation of the suite's
APIs and follows from what the operation takes, so it is added here and not at each route: a protected route can refuse
the credentials, a body can be too large, an id can be unknown. A route declares only what is special about it
(`responses={409: {"description": "..."}}`); its answers of error get their form here.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from shared.problem_codes import TYPE_PREFIX, ProblemCode

_MEDIA_TYPE = "application/problem+json"
_METHODS = {"get", "post", "put", "patch", "delete"}

_MISFIT = {
    "type": "object",
    "title": "Misfit",
    "description": "One place of the request that does not fit.",
    "required": ["loc", "msg"],
    "properties": {
        "loc": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Where it is: `body`, `query` or `path`, then the names that lead to it; in a file the row.",
            "examples": [["body", "name"]],
        },
        "msg": {"type": "string", "examples": ["Field required"]},
    },
}
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "examples": [TYPE_PREFIX + ProblemCode.NO_SUCH_RECORD]},
        "title": {"type": "string", "description": "The code in words.", "examples": ["No such record"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {"type": "string", "description": "One sentence.", "examples": ["No such record."]},
        "code": {
            "type": "string",
            "enum": list(ProblemCode),
            "description": "Which case it is: programs branch on it. More may be added.",
            "examples": [ProblemCode.NO_SUCH_RECORD],
        },
        "instance": {"type": "string", "description": "The path that was asked.", "examples": ["/api/things/1"]},
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Misfit"},
            "description": "With 422: what does not fit, a hundred at most.",
        },
    },
}
_DESCRIPTIONS = {
    400: "The request is malformed: its credentials, a header, or a body that is not JSON.",
    401: "No access token, or one that is not accepted here.",
    403: "The access token does not grant this.",
    404: "No such record, or one beyond the caller's reach: they look alike.",
    408: "The body took too long to arrive.",
    412: "If-Match names another state of the record. Nothing was changed.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    422: "The request does not fit: a member or parameter is missing, unknown or out of bounds.",
    429: "This subject has sent too many requests: `RateLimit` says what is left of which limit.",
    503: "A part that this needs is away, or too busy.",
}
_HEADERS = {
    401: {"WWW-Authenticate": "The challenge (RFC 6750, RFC 9728)."},
    403: {"WWW-Authenticate": "The challenge (RFC 6750)."},
    429: {"Retry-After": "Seconds after which there is room again."},
    503: {"Retry-After": "Seconds after which trying again may help."},
}


def install_description(app: FastAPI) -> None:
    """Make `app` describe itself with every error in every operation."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_problems(described())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the answers of error added to each protected operation, as problem documents."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for generic in ("HTTPValidationError", "ValidationError"):
        schemas.pop(generic, None)
    schemas |= {"Misfit": _MISFIT, "Problem": _PROBLEM}
    for path in document["paths"].values():
        for operation in (operation for method, operation in path.items() if method in _METHODS):
            responses = operation["responses"]
            for status in map(str, _statuses(operation)):
                responses.setdefault(status, {})
            for status, response in responses.items():
                if status.isdigit() and int(status) >= 400:
                    responses[status] = _described(int(status), response)
            operation["responses"] = dict(sorted(responses.items()))
    return document


def _statuses(operation: dict[str, Any]) -> Iterator[int]:
    parameters = operation.get("parameters", [])
    body = "requestBody" in operation
    if operation.get("security"):
        yield from (400, 401, 403, 429, 503)
    if body:
        yield from (400, 413, 415)
    if any(parameter["in"] == "path" for parameter in parameters):
        yield 404
    if any(parameter["name"] == "If-Match" for parameter in parameters):
        yield 412
    if body or parameters:
        yield 422


def _described(status: int, response: dict[str, Any]) -> dict[str, Any]:
    text = response.get("description")
    if text in {None, "", "Validation Error"}:
        text = _DESCRIPTIONS.get(status, "The request is refused.")
    headers = {
        name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.get(status, {}).items()
    }
    described = {**response, "description": text}
    described["content"] = {_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if headers:
        described["headers"] = {**headers, **response.get("headers", {})}
    return described
