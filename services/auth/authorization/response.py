"""Authorization responses: what goes back to the client, and the address to which it goes.

Spec: RFC 6749 s4.1.2 and s4.1.2.1, RFC 9207 s2 (`iss` on every response), Form Post Response Mode s2
"""

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from services.auth.authorization.request import AuthorizationRequest


@dataclass(frozen=True, repr=False)
class AuthorizationResponse:
    """The parameters for one registered redirect URI."""

    redirect_uri: str
    parameters: dict[str, str]
    mode: str = "query"

    @property
    def location(self) -> str:
        """The redirect URI with the parameters in its query."""
        query = urlencode(self.parameters, quote_via=quote)
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{query}"


def code_response(request: AuthorizationRequest, code: str, *, issuer: str) -> AuthorizationResponse:
    """Answer with code, state and iss."""
    parameters = _present({"code": code, "state": request.state, "iss": issuer})
    return AuthorizationResponse(request.redirect_uri, parameters, request.response_mode)


def error_response(
    redirect_uri: str, *, error: str, description: str, state: str | None, issuer: str, mode: str = "query"
) -> AuthorizationResponse:
    """Answer with the error, state and iss. `redirect_uri` must be a registered one."""
    parameters = _present({"error": error, "error_description": description, "state": state, "iss": issuer})
    return AuthorizationResponse(redirect_uri, parameters, mode)


def form_action(redirect_uri: str) -> str:
    """Return the CSP form-action sources of a page whose form may end at `redirect_uri`.

    With 'self' alone Chromium blocks the redirect that follows the form (measured in Chromium 156).
    """
    return f"'self' {address_source(redirect_uri)}"


def address_source(redirect_uri: str) -> str:
    """Return the CSP source of the address itself."""
    parts = urlsplit(redirect_uri)
    if parts.scheme not in {"http", "https"} or "[" in parts.netloc:  # CSP has no grammar for an IPv6 address
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def can_be_posted_to(redirect_uri: str) -> bool:
    """Say whether a form reaches this address: a custom scheme opens an app, which gets no body."""
    return urlsplit(redirect_uri).scheme in {"http", "https"}


def _present(parameters: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value is not None}
