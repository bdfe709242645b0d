"""Authorization responses (RFC 6749 s4.1.2, RFC 9207 s2), and the CSP that lets a form end there."""

from urllib.parse import parse_qs, urlsplit

import pytest

from services.auth.authorization.response import code_response, error_response
from services.auth.protocol.authorization_request import AuthorizationRequest

ISSUER = "https://auth.example"


def answered(uri: str, state: str | None) -> str:
    return code_response(AuthorizationRequest("app", uri, frozenset(), state=state), "the code", issuer=ISSUER).location


@pytest.mark.requirement("RFC9207-2")
@pytest.mark.parametrize(
    "uri", ["https://app.example/cb", "myapp://callback", "com.example:/cb", "http://127.0.0.1:5/cb", "http://[::1]/cb"]
)
def test_code_state_and_issuer_come_back(uri: str) -> None:
    location = answered(uri, "s")
    assert location == f"{uri}?code=the%20code&state=s&iss=https%3A%2F%2Fauth.example"


def test_a_query_that_is_there_already_is_kept() -> None:
    location = answered("https://app.example/cb?tenant=1&code=mine", None)
    assert location.startswith("https://app.example/cb?tenant=1&code=mine&code=the%20code&iss=")


@pytest.mark.parametrize(
    "state", ["a b+c&d=e#f%20/?", "\u00e4\U0001fad6", "\r\nSet-Cookie: x=1", '"<script>', "x" * 4096, "%", "="]
)
def test_a_state_with_odd_characters_comes_back_as_it_was(state: str) -> None:
    location = answered("https://app.example/cb", state)
    assert parse_qs(urlsplit(location).query)["state"] == [state]
    assert location.isascii() and not set(location) & set(' \r\n"<>')


@pytest.mark.requirement("RFC9207-2")
def test_an_error_carries_state_and_issuer_too() -> None:
    answer = error_response("myapp://callback", error="access_denied", description="No.", state="s", issuer=ISSUER)
    assert parse_qs(urlsplit(answer.location).query) == {
        "error": ["access_denied"],
        "error_description": ["No."],
        "state": ["s"],
        "iss": [ISSUER],
    }
    stateless = error_response("myapp://callback", error="x", description="y", state=None, issuer=ISSUER)
    assert "state" not in stateless.parameters
