"""Client authentication: by the registered method, and by one alone (RFC 6749 s2.3 and s2.3.1)."""

import base64

import pytest

from tests.integration.auth.provider import Provider, basic, oauth_error
from tests.integration.auth.seeds import PORTAL_SECRET
from tests.integration.auth.test_token import PORTAL, portal_code


def test_basic_credentials_are_form_decoded(provider: Provider) -> None:
    """RFC 6749 s2.3.1"""
    code = portal_code(provider)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": PORTAL["redirect_uri"]}
    assert provider.post("/token", form, Authorization=basic("portal", PORTAL_SECRET)).status_code == 200


@pytest.mark.parametrize(
    ("header", "changes", "status", "error"),
    [
        (basic("portal", "wrong"), {}, 401, "invalid_client"),
        (basic("portal", ""), {}, 401, "invalid_client"),
        (basic("nobody", PORTAL_SECRET), {}, 401, "invalid_client"),
        (basic("mobile-app", ""), {}, 401, "invalid_client"),
        (basic("portal", PORTAL_SECRET), {"client_secret": PORTAL_SECRET}, 400, "invalid_request"),
        (basic("portal", PORTAL_SECRET), {"client_id": "mobile-app"}, 400, "invalid_request"),
        ("Basic", {}, 401, "invalid_client"),
        ("Basic !!!", {}, 401, "invalid_client"),
        ("Basic " + base64.b64encode(b"portal:\xff\xfe").decode(), {}, 401, "invalid_client"),
        ("Basic " + base64.b64encode(b"portal:%00").decode(), {}, 401, "invalid_client"),
        ("Basic " + base64.b64encode(b"no colon").decode(), {}, 401, "invalid_client"),
        ("Basic \u00e4\u00f6", {}, 401, "invalid_client"),
        ("Bearer x", {}, 401, "invalid_client"),
        (None, {"client_id": "portal"}, 400, "invalid_client"),
        (None, {"client_id": "portal", "client_secret": "wrong"}, 400, "invalid_client"),
        (None, {"client_id": "mobile-app", "client_secret": "x"}, 400, "invalid_client"),
        (
            None,
            {"client_id": "orders-api", "client_secret": "orders-api-secret-for-local-use-only"},
            400,
            "invalid_client",
        ),
        (None, {"client_id": "nobody"}, 400, "invalid_client"),
        (None, {}, 400, "invalid_client"),
        (None, {"client_assertion": "x", "client_assertion_type": "y"}, 400, "invalid_client"),
    ],
)
def test_a_client_authenticates_by_its_own_method_and_one_alone(
    refusing: Provider, header: str | None, changes: dict[str, str], status: int, error: str
) -> None:
    form = {"grant_type": "authorization_code", "code": "x", **changes}
    headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
    response = refusing.http.post("/token", data=form, headers=headers)
    assert oauth_error(response, status) == error
    assert ("www-authenticate" in response.headers) is (status == 401)
