"""Authorization responses: the redirect that carries a code or an error back to the client.

Spec: RFC 6749 s4.1.2 and s4.1.2.1, RFC 9207 s2 (`iss` on every response)
"""

from urllib.parse import quote, urlencode, urlsplit

from services.auth.authorization.request import AuthorizationRequest


def code_redirect(request: AuthorizationRequest, code: str, *, issuer: str) -> str:
    """Return the redirect URI with code, state and iss."""
    return _with_query(request.redirect_uri, {"code": code, "state": request.state, "iss": issuer})


def error_redirect(redirect_uri: str, *, error: str, description: str, state: str | None, issuer: str) -> str:
    """Return the redirect URI with the error, state and iss. `redirect_uri` must be a registered one."""
    parameters = {"error": error, "error_description": description, "state": state, "iss": issuer}
    return _with_query(redirect_uri, parameters)


def form_action(redirect_uri: str) -> str:
    """Return the CSP form-action sources of a page whose form may end at `redirect_uri`.

    With 'self' alone Chromium blocks the redirect that follows the form (measured in Chromium 156).
    """
    parts = urlsplit(redirect_uri)
    if parts.scheme not in {"http", "https"}:
        return f"'self' {parts.scheme}:"
    if "[" in parts.netloc:  # CSP has no grammar for an IPv6 address
        return f"'self' {parts.scheme}:"
    return f"'self' {parts.scheme}://{parts.netloc}"


def _with_query(redirect_uri: str, parameters: dict[str, str | None]) -> str:
    query = urlencode({name: value for name, value in parameters.items() if value is not None}, quote_via=quote)
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"
