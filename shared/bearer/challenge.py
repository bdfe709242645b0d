"""The refusals of a protected resource and their `WWW-Authenticate` challenges.

Spec: RFC 6750 s3, RFC 9449 s7.1, s9, RFC 9470 s3, RFC 9728 s5.1

Each attribute appears at most once, quoted; the token never does. Every bad token gets the same text, so that
nobody learns from the answer whether it was expired, forged or meant for someone else: `reason` is for the metrics.
"""

import re
from datetime import timedelta
from typing import ClassVar

from starlette.requests import HTTPConnection
from starlette.responses import Response

from shared.dpop.jwk import ALGORITHMS
from shared.errors import SuiteError
from shared.problem_codes import ProblemCode
from shared.problem_details import problem

_SCOPE_TOKEN = re.compile(r"[!#-\[\]-~]+", re.ASCII)


def require_scope_form(scope: object) -> None:
    """Return if that is one scope-token (RFC 6749 s3.3): no space, quote or backslash.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(scope, str) or _SCOPE_TOKEN.fullmatch(scope) is None:
        raise ValueError(f"a scope: must be one word without space, quote or backslash, not {scope!r}")


class BearerRefusal(SuiteError):
    """The request is refused for its credentials.

    BearerRefusal
    |-- NoCredentials                    401, no error code: the client may not have known that it needs a token
    |-- MalformedRequest                 400 invalid_request
    |-- InvalidToken                     401 invalid_token
    |-- InvalidDpopProof                 401 invalid_dpop_proof
    |-- UseDpopNonce                     401 use_dpop_nonce
    |-- InsufficientScope                403 insufficient_scope
    `-- InsufficientUserAuthentication   401 insufficient_user_authentication
    """

    status: ClassVar[int]
    error: ClassVar[str | None]
    code: ClassVar[ProblemCode]
    description: ClassVar[str]
    #: Whether it can be of a token that is bound to a key alone.
    by_dpop: ClassVar[bool] = False

    def __init__(self, reason: str, *, scope: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.scope = scope

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer, beside the challenge."""
        return {}

    def attributes(self) -> dict[str, str]:
        """Return what the challenge says of this refusal, beside realm and metadata."""
        said = {} if self.error is None else {"error": self.error, "error_description": self.description}
        return said if self.scope is None else {**said, "scope": self.scope}


class NoCredentials(BearerRefusal):
    """No access token was sent."""

    status = 401
    error = None
    code = ProblemCode.NO_CREDENTIALS
    description = "This resource needs an access token."


class MalformedRequest(BearerRefusal):
    """The Authorization header is repeated or is not `Bearer <token>` (or `DPoP <token>`)."""

    status = 400
    error = "invalid_request"
    code = ProblemCode.INVALID_REQUEST
    description = "The Authorization header must appear once, as: Bearer <access token>."


class InvalidToken(BearerRefusal):
    """The access token is not one that this API accepts."""

    status = 401
    error = "invalid_token"
    code = ProblemCode.INVALID_TOKEN
    description = "The access token is not valid here, or has expired."


class InvalidDpopProof(BearerRefusal):
    """The proof of a bound token is missing, is not good for this request, or was used before."""

    status = 401
    error = "invalid_dpop_proof"
    code = ProblemCode.INVALID_DPOP_PROOF
    description = "The DPoP proof is missing or not valid for this request."
    by_dpop = True


class UseDpopNonce(BearerRefusal):
    """The proof must hold a nonce; the answer brings one."""

    status = 401
    error = "use_dpop_nonce"
    code = ProblemCode.USE_DPOP_NONCE
    description = "The DPoP proof must hold the nonce of this answer."
    by_dpop = True

    def __init__(self, nonce: str) -> None:
        super().__init__("dpop_nonce")
        self._nonce = nonce

    def headers(self) -> dict[str, str]:
        """Bring the nonce (RFC 9449 s9)."""
        return {"DPoP-Nonce": self._nonce}


class InsufficientScope(BearerRefusal):
    """The access token is good and does not reach this far; `scope` says what would."""

    status = 403
    error = "insufficient_scope"
    code = ProblemCode.INSUFFICIENT_SCOPE
    description = "The access token does not grant what this request needs."


class InsufficientUserAuthentication(BearerRefusal):
    """The user has not signed in strongly or recently enough; the client may ask for that and come back."""

    status = 401
    error = "insufficient_user_authentication"
    code = ProblemCode.INSUFFICIENT_USER_AUTHENTICATION
    description = "A stronger or more recent sign-in is needed."

    def __init__(self, reason: str, *, acr: str | None, max_age: timedelta | None) -> None:
        super().__init__(reason)
        self._acr = acr
        self._max_age = max_age

    def attributes(self) -> dict[str, str]:
        """Add all that the route demands, also the part that is met: the new sign-in must meet the whole."""
        demanded = {} if self._acr is None else {"acr_values": self._acr}
        if self._max_age is not None:
            demanded["max_age"] = str(int(self._max_age.total_seconds()))
        return super().attributes() | demanded


def challenge(refusal: BearerRefusal, *, realm: str, resource_metadata: str, by_dpop: bool = False) -> str:
    """Return the value of `WWW-Authenticate`. `by_dpop`: the request came with a token as `DPoP`."""
    attributes = {"realm": realm, **refusal.attributes(), "resource_metadata": resource_metadata}
    scheme = "Bearer"
    if by_dpop or refusal.by_dpop:
        scheme, attributes["algs"] = "DPoP", " ".join(ALGORITHMS)
    return f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in attributes.items())


def refusal_response(
    request: HTTPConnection, refusal: BearerRefusal, *, realm: str, resource_metadata: str
) -> Response:
    """Return the refusal as a problem document with its challenge."""
    by_dpop = request.headers.get("Authorization", "")[:5].lower() == "dpop "
    said = challenge(refusal, realm=realm, resource_metadata=resource_metadata, by_dpop=by_dpop)
    headers = {"WWW-Authenticate": said, **refusal.headers()}
    path = request.url.path
    return problem(refusal.status, refusal.description, code=refusal.code, instance=path, headers=headers)
