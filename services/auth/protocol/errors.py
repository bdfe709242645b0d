"""Errors of the protocol, in our own words.

Spec: RFC 6749 s4.1.2.1 and s5.2, RFC 7009 s2.2.1, RFC 8707 s2, RFC 9449 s5 and s8
Descriptions are constants in RFC 6749's character set; nothing that a caller sent is ever echoed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.auth.audit import Refusal


class OAuthError(Exception):
    """A refusal of a JSON endpoint: `error` is the word of the specification, `description` a constant sentence.

    `reason` is for the operator; no answer holds it.
    """

    error: str

    def __init__(
        self,
        reason: Refusal,
        description: str = "The request was refused.",
        *,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(self.error)
        self.reason = reason
        self.description = description
        self.status = status
        self.headers = headers or {}


class Refused(OAuthError):
    """Refused by one of many errors: what a browser would have brought back (/par), or what a device hears."""

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


class InvalidAuthorizationDetails(OAuthError):
    """No type of authorization details is known here (RFC 9396 s5)."""

    error = "invalid_authorization_details"

    def __init__(self) -> None:
        super().__init__(Refusal.AUTHORIZATION_DETAILS, "Authorization details are not supported; ask for scopes.")


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


class InvalidDpopProof(OAuthError):
    """A proof that shows nothing, that was used before, or of another key than the grant's; or none where one must be.

    Uses nothing up: neither a code nor a refresh token.
    """

    error = "invalid_dpop_proof"

    def __init__(self, reason: Refusal, description: str = "The DPoP proof is not valid.") -> None:
        super().__init__(reason, description)


class UseDpopNonce(OAuthError):
    """The proof must hold a nonce; the answer brings one. Uses nothing up."""

    error = "use_dpop_nonce"

    def __init__(self, nonce: str) -> None:
        super().__init__(
            Refusal.DPOP_NONCE_NEEDED,
            "The DPoP proof must hold the nonce of this answer.",
            headers={"DPoP-Nonce": nonce},
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
