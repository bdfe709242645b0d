"""Errors of the protocol, in our own words.

Spec: RFC 6749 s4.1.2.1 and s5.2, RFC 7009 s2.2.1, RFC 8707 s2
Descriptions are constants in RFC 6749's character set; nothing that a caller sent is ever echoed.
"""

from dataclasses import dataclass

from services.auth.audit import Refusal


class OAuthError(Exception):
    """A refusal of a JSON endpoint: `error` is the word of the specification, `description` a constant sentence.

    `reason` is for the operator; no answer holds it.
    """

    error: str

    def __init__(self, reason: Refusal, description: str = "The request was refused.", *, status: int = 400) -> None:
        super().__init__(self.error)
        self.reason = reason
        self.description = description
        self.status = status


class Refused(OAuthError):
    """A pushed authorization request, refused by the error that a browser would have brought back."""

    def __init__(self, reason: Refusal, error: str, description: str) -> None:
        self.error = error
        super().__init__(reason, description)


class InvalidRequest(OAuthError):
    error = "invalid_request"


class InvalidClient(OAuthError):
    """Client authentication failed. `status` is 401 where the client used the Authorization header (RFC 6749 s5.2)."""

    error = "invalid_client"


class InvalidGrant(OAuthError):
    error = "invalid_grant"


class InvalidScope(OAuthError):
    error = "invalid_scope"


class InvalidTarget(OAuthError):
    """A `resource` that is unknown or out of the grant's reach (RFC 8707 s2)."""

    error = "invalid_target"

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason, "The resource is unknown or not covered by the grant.")


class UnauthorizedClient(OAuthError):
    error = "unauthorized_client"

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason, "This client may not do this.")


class UnsupportedGrantType(OAuthError):
    error = "unsupported_grant_type"

    def __init__(self) -> None:
        super().__init__(Refusal.GRANT_TYPE_UNKNOWN, "This grant type is not supported.")


class UnsupportedTokenType(OAuthError):
    """A token that can't be revoked by itself (RFC 7009 s2.2.1)."""

    error = "unsupported_token_type"

    def __init__(self) -> None:
        super().__init__(
            Refusal.REVOCATION_OF_A_TRADED_TOKEN, "A traded token ends with the sign-in that it was traded from."
        )


@dataclass(frozen=True)
class ErrorPage(Exception):
    """An authorization error that must not redirect: shown to the person (RFC 6749 s4.1.2.1).

    `case` names one constant sentence of `docs/errors.md`.
    """

    case: str
    error: str


@dataclass(frozen=True)
class ErrorRedirect(Exception):
    """An authorization error that the client is told by redirect (or posted form) to its registered URI."""

    redirect_uri: str
    state: str | None
    error: str
    description: str
    response_mode: str = "query"
