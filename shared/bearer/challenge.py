"""The refusals of a protected resource and their `WWW-Authenticate` challenges.

Spec: RFC 6750 s3, RFC 9728 s5.1

Each attribute appears at most once, quoted; the token never does. Every bad token gets the same text, so that
nobody learns from the answer whether it was expired, forged or meant for someone else: `reason` is for the metrics.
"""

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from shared.errors import SuiteError
from shared.problem_details import problem


class BearerRefusal(SuiteError):
    """The request is refused for its credentials.

    BearerRefusal
    |-- NoCredentials       401, no error code: the client may not have known that it needs a token
    |-- MalformedRequest    400 invalid_request
    |-- InvalidToken        401 invalid_token
    `-- InsufficientScope   403 insufficient_scope
    """

    status: ClassVar[int]
    error: ClassVar[str | None]
    description: ClassVar[str]

    def __init__(self, reason: str, *, scope: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.scope = scope


class NoCredentials(BearerRefusal):
    """No access token was sent."""

    status = 401
    error = None
    description = "This resource needs an access token."


class MalformedRequest(BearerRefusal):
    """The Authorization header is repeated or is not `Bearer <token>`."""

    status = 400
    error = "invalid_request"
    description = "The Authorization header must appear once, as: Bearer <access token>."


class InvalidToken(BearerRefusal):
    """The access token is not one that this API accepts."""

    status = 401
    error = "invalid_token"
    description = "The access token is not valid here, or has expired."


class InsufficientScope(BearerRefusal):
    """The access token is good and does not reach this far; `scope` says what would."""

    status = 403
    error = "insufficient_scope"
    description = "The access token does not grant what this request needs."


def challenge(refusal: BearerRefusal, *, realm: str, resource_metadata: str) -> str:
    """Return the value of `WWW-Authenticate`."""
    attributes = {"realm": realm}
    if refusal.error is not None:
        attributes |= {"error": refusal.error, "error_description": refusal.description}
    if refusal.scope is not None:
        attributes["scope"] = refusal.scope
    attributes["resource_metadata"] = resource_metadata
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in attributes.items())


def refusal_response(request: Request, refusal: BearerRefusal, *, realm: str, resource_metadata: str) -> Response:
    """Return the refusal as a problem document with its challenge."""
    headers = {"WWW-Authenticate": challenge(refusal, realm=realm, resource_metadata=resource_metadata)}
    return problem(refusal.status, refusal.description, instance=request.url.path, headers=headers)
