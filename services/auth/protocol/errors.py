"""Errors of the protocol, in our own words.

Spec: RFC 6749 s4.1.2.1 and s5.2, RFC 7009 s2.2.1, RFC 8707 s2
Descriptions are constants in RFC 6749's character set; nothing that a caller sent is ever echoed.
"""

from dataclasses import dataclass

from authlib.oauth2 import OAuth2Error

#: Said in place of Authlib's own sentences, some of which echo what the caller sent.
_CONSTANT = {
    "unsupported_response_type": "This response type is not supported.",
    "unsupported_grant_type": "This grant type is not supported.",
    "unauthorized_client": "This client may not do this.",
}


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


class InvalidTargetError(OAuth2Error):
    """A `resource` that is unknown or out of the grant's reach (RFC 8707 s2)."""

    error = "invalid_target"
    description = "The resource is unknown or not covered by the grant."


class TradedTokenError(OAuth2Error):
    """A token that can't be revoked by itself (RFC 7009 s2.2.1; Authlib's own error of this name is a 401)."""

    error = "unsupported_token_type"
    description = "A traded token ends with the sign-in that it was traded from."


def describe(error: OAuth2Error) -> str:
    """Return the sentence for an Authlib error."""
    return _CONSTANT.get(error.error) or error.description or "The request was refused."
