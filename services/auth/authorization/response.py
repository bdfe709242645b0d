"""Authorization responses: what goes back to the client, and the address to which it goes.

Spec: RFC 6749 s4.1.2 and s4.1.2.1, RFC 9207 s2 (`iss` on every response), Form Post Response Mode s2
"""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from services.auth.protocol.authorization_request import AuthorizationRequest


@dataclass(frozen=True, repr=False)
class AuthorizationResponse:
    """The parameters for one registered redirect URI."""

    redirect_uri: str
    parameters: dict[str, str]
    mode: str = "query"

    @property
    def location(self) -> str:
        """The redirect URI with the parameters, if any, in its query."""
        if not self.parameters:
            return self.redirect_uri
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


def _present(parameters: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value is not None}
