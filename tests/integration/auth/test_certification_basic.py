"""The modules of an OpenID certification's basic plan, one test each, with config/certification.yaml applied."""

import base64
import hashlib
from typing import Any

import httpx2
import jwt
import pytest

from tests.integration.auth.certification import Suite, apply
from tests.integration.auth.provider import answer_of
from tests.integration.auth.seeds import CHALLENGE, VERIFIER

PROFILE = {
    "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
    "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
}  # fmt: skip
SCOPES = {
    "profile": PROFILE,
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
}


def userinfo(suite: Suite, tokens: dict[str, Any]) -> dict[str, Any]:
    response = suite.provider.userinfo(tokens["access_token"])
    assert response.status_code == 200 and response.headers["content-type"] == "application/json"
    claims: dict[str, Any] = response.json()
    return claims


def at_hash(access_token: str) -> str:
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).decode().rstrip("=")


def test_the_file_applied_twice_has_nothing_left_to_do(suite: Suite) -> None:
    assert apply(suite.provider.database) == []


@pytest.mark.requirement("OIDC-3.1.2.1-nonce", "OIDC-2", "OIDC-3.1.3.6")
@pytest.mark.parametrize("client", ["first", "second", "post"])
def test_server(suite: Suite, client: str) -> None:
    """oidcc-server, oidcc-server-client-secret-post, oidcc-alternate-happy-flow; the query comes back intact."""
    tokens, claims = suite.as_client(client).flow()
    assert claims["at_hash"] == at_hash(tokens["access_token"])


def test_response_type_missing(suite: Suite) -> None:
    request = suite.request(response_type=None)
    assert suite.arrive(suite.open(request), request)["error"] in {"invalid_request", "unsupported_response_type"}


@pytest.mark.requirement("OIDC-15.1")
def test_idtoken_signature(suite: Suite) -> None:
    tokens, _ = suite.flow()
    header = jwt.get_unverified_header(tokens["id_token"])
    kids = [key["kid"] for key in suite.provider.http.get("/.well-known/jwks.json").json()["keys"]]
    assert header["alg"] == "RS256" and header["kid"] in kids and len(set(kids)) == len(kids)


@pytest.mark.requirement("OIDC-5.3")
@pytest.mark.parametrize("way", ["get", "post-header", "post-body"])
def test_userinfo(suite: Suite, way: str) -> None:
    tokens, claims = suite.flow()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    if way == "get":
        response = suite.provider.http.get("/userinfo", headers=header)
    elif way == "post-header":
        response = suite.provider.http.post("/userinfo", headers=header)
    else:
        response = suite.provider.http.post("/userinfo", data={"access_token": tokens["access_token"]})
    assert response.status_code == 200 and response.headers["content-type"] == "application/json"
    assert response.json()["sub"] == claims["sub"]


@pytest.mark.requirement("OIDC-3.1.2.1-nonce")
def test_ensure_request_without_nonce_succeeds_for_code_flow(suite: Suite) -> None:
    _, claims = suite.flow(nonce=None)
    assert "nonce" not in claims


@pytest.mark.parametrize("scope", SCOPES)
def test_scope(suite: Suite, scope: str) -> None:
    """oidcc-scope-profile, -email, -address, -phone"""
    tokens, _ = suite.flow(scope=f"openid {scope}")
    assert set(userinfo(suite, tokens)) == {"sub"} | SCOPES[scope]


@pytest.mark.requirement("OIDC-5.3")
def test_scope_all(suite: Suite) -> None:
    tokens, id_token = suite.flow(scope="openid profile email address phone")
    claims = userinfo(suite, tokens)
    assert set(claims) == {"sub"}.union(*SCOPES.values())
    assert claims["sub"] == id_token["sub"]
    assert isinstance(claims["updated_at"], int) and isinstance(claims["address"], dict)
    assert claims["email_verified"] is True and claims["phone_number_verified"] is True
    assert not [name for name, value in claims.items() if value in (None, "")]


@pytest.mark.requirement("OIDC-3.1.2.1-unknown")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("display", "page"),
        ("display", "popup"),
        ("display", "anything"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("ui_locales", "not a locale"),
    ],
)
def test_display_and_locales_are_no_error(suite: Suite, name: str, value: str) -> None:
    assert suite.flow(**{name: value})


@pytest.mark.requirement("OIDC-3.1.2.1-login-hint")
def test_login_hint_prefills(suite: Suite) -> None:
    request = suite.request(login_hint="certification")
    page = suite.open(request)
    assert 'value="certification"' in page.text
    assert "code" in suite.arrive(suite.sign_in(page), request)


@pytest.mark.requirement("OIDC-5.5.1.1")
def test_ensure_request_with_acr_values_succeeds(suite: Suite) -> None:
    metadata = suite.provider.http.get("/.well-known/openid-configuration").json()
    _, claims = suite.flow(acr_values=" ".join(metadata["acr_values_supported"]))
    assert claims["acr"] in metadata["acr_values_supported"]
    assert metadata["acr_values_supported"][0] == "urn:company:acr:1fa"


@pytest.mark.requirement("OIDC-3.1.2.1-prompt-login", "OIDC-3.1.2.1-max-age")
@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "1"}])
def test_prompt_login_and_max_age_1(suite: Suite, changes: dict[str, str]) -> None:
    _, first = suite.flow(max_age="10000")
    suite.provider.clock.advance(seconds=3)
    request = suite.request(**changes)
    page = suite.open(request)
    assert 'id="login"' in page.text, "a second sign-in that can be seen"
    tokens = suite.redeem(suite.arrive(suite.sign_in(page), request)["code"])
    second = suite.verified(tokens["id_token"], request["nonce"])
    assert second["sub"] == first["sub"] and second["auth_time"] == first["auth_time"] + 3


@pytest.mark.requirement("OIDC-3.1.2.1-max-age")
def test_max_age_10000(suite: Suite) -> None:
    _, first = suite.flow(max_age="10000")
    suite.provider.clock.advance(seconds=3)
    request = suite.request(max_age="10000")
    tokens = suite.redeem(suite.arrive(suite.open(request), request)["code"])
    assert suite.verified(tokens["id_token"], request["nonce"])["auth_time"] == first["auth_time"]


@pytest.mark.requirement("OIDC-3.1.2.1-prompt-none")
def test_prompt_none_logged_in(suite: Suite) -> None:
    _, first = suite.flow()
    request = suite.request(prompt="none")
    tokens = suite.redeem(suite.arrive(suite.open(request), request)["code"])
    assert suite.verified(tokens["id_token"], request["nonce"])["sub"] == first["sub"]


@pytest.mark.requirement("OIDC-3.1.2.1-prompt-none")
def test_prompt_none_not_logged_in(suite: Suite) -> None:
    request = suite.request(prompt="none")
    assert suite.arrive(suite.open(request), request)["error"] == "login_required"


@pytest.mark.requirement("RFC9700-4.2.4")
def test_codereuse(suite: Suite) -> None:
    """oidcc-codereuse, oidcc-codereuse-30seconds: the second use also ends what the first one gave."""
    code, request = suite.code()
    tokens = suite.redeem(code)
    suite.provider.clock.advance(seconds=30)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": request["redirect_uri"]}
    second = suite.token(form)
    assert second.status_code == 400 and second.json()["error"] == "invalid_grant"
    assert suite.provider.userinfo(tokens["access_token"]).status_code == 401


def test_ensure_registered_redirect_uri(suite: Suite) -> None:
    page = suite.open(suite.request(redirect_uri="https://localhost:8444/elsewhere"))
    assert page.status_code == 400 and 'id="error"' in page.text and "location" not in page.headers


def test_redirect_uri_with_another_query_is_refused(suite: Suite) -> None:
    second = suite.as_client("second")
    page = second.open(second.request(redirect_uri=second.redirect_uri.replace("ipsum", "other")))
    assert page.status_code == 400 and "location" not in page.headers


@pytest.mark.requirement("OIDC-3.1.2.1")
def test_ensure_post_request_succeeds(suite: Suite) -> None:
    request = suite.request()
    page = suite.browser.follow(suite.browser.http.post("/authorize", data=request))
    assert "code" in suite.arrive(suite.sign_in(page), request)


@pytest.mark.requirement("OIDC-6")
@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_request_objects_are_refused_by_name(suite: Suite, name: str) -> None:
    """oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported, oidcc-request-uri-..."""
    header, body = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', b"{}"))
    value = f"{header}.{body}." if name == "request" else "https://suite.example/request.jwt"
    request = suite.request(**{name: value})
    assert suite.arrive(suite.open(request), request)["error"] == f"{name}_not_supported"
    metadata = suite.provider.http.get("/.well-known/openid-configuration").json()
    assert metadata[f"{name}_parameter_supported"] is False


def test_ensure_request_with_unknown_parameter_succeeds(suite: Suite) -> None:
    assert suite.flow(extra="foobar")


def test_ensure_request_with_valid_pkce_succeeds(suite: Suite) -> None:
    code, request = suite.code(code_challenge=CHALLENGE, code_challenge_method="S256")
    tokens = suite.redeem(code, code_verifier=VERIFIER)
    assert suite.verified(tokens["id_token"], request["nonce"])


def test_a_challenge_that_was_sent_is_enforced(suite: Suite) -> None:
    code, request = suite.code(code_challenge=CHALLENGE, code_challenge_method="S256")
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": request["redirect_uri"]}
    assert suite.token(form).json()["error"] == "invalid_request"
    assert suite.token({**form, "code_verifier": VERIFIER[::-1]}).json()["error"] == "invalid_grant"
    assert suite.redeem(code, code_verifier=VERIFIER)


def test_a_verifier_without_a_challenge_is_refused(suite: Suite) -> None:
    code, request = suite.code()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": request["redirect_uri"]}
    assert suite.token({**form, "code_verifier": VERIFIER}).json()["error"] in {"invalid_request", "invalid_grant"}
    assert suite.redeem(code)


@pytest.mark.parametrize("name", ["first", "post"])
def test_a_secret_is_taken_in_the_header_and_in_the_body(suite: Suite, name: str) -> None:
    """The two are one method: a client library's default need not be the registered one (ADR-0067)."""
    other = Suite(suite.provider, suite.browser, name)
    code, request = other.code()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": request["redirect_uri"]}
    response: httpx2.Response
    if name == "first":
        credentials = {"client_id": other.client_id, "client_secret": other.secret}
        response = suite.provider.post("/token", {**form, **credentials})
    else:
        pair = base64.b64encode(f"{other.client_id}:{other.secret}".encode()).decode()
        response = suite.provider.post("/token", form, Authorization=f"Basic {pair}")
    assert response.status_code == 200


def test_the_answer_of_an_error_holds_state_and_nothing_unknown(suite: Suite) -> None:
    request = suite.request(scope="openid", response_type="token")
    response = suite.open(request)
    assert suite.arrive(response, request)["error"] == "unsupported_response_type"
    assert len(answer_of(response)["state"]) == 128
