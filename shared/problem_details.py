"""Problem documents: what the resource APIs answer instead of what was asked for.

Spec: RFC 9457
"""

import json
import math
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.errors import Conflict, TooManyRequests, Unavailable
from shared.problem_codes import BY_STATUS, TYPE_PREFIX, ProblemCode
from shared.request_context import note


class ProblemError(HTTPException):
    """A refusal that an edge raises where it finds it; `code` says which, where the status alone does not."""

    def __init__(self, status: int, detail: str, code: ProblemCode, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)
        self.code = code


def problem(
    status: int,
    detail: str,
    *,
    code: ProblemCode | None = None,
    instance: str | None = None,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> Response:
    """Return the response of one problem; `instance` is the path it happened at.

    `code` says which case it is; without one, the case that the status stands for. The request's log line says it too.
    """
    code = code or BY_STATUS.get(status, ProblemCode.BAD_REQUEST)
    note(refusal=str(code))
    body = {"type": TYPE_PREFIX + code, "title": code.words, "status": status, "detail": detail, "code": code}
    if instance is not None:
        body["instance"] = instance
    return Response(
        json.dumps(body | members).encode(),
        status,
        media_type="application/problem+json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def conflict_problem(error: Conflict, instance: str) -> Response:
    """Return a 409 with the members that the error carries."""
    return problem(409, str(error), code=error.code, instance=instance, **error.members)


def unavailable_problem(error: Unavailable, instance: str) -> Response:
    """Return a 503 that says when to try again."""
    return problem(503, str(error), code=error.code, instance=instance, headers=retry_after(error))


def retry_after(error: TooManyRequests | Unavailable) -> dict[str, str]:
    """Return the header that says when to try again, in whole seconds."""
    return {"Retry-After": str(max(1, math.ceil(error.retry_after.total_seconds())))}
