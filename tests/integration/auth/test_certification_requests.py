"""More modules of the basic plan: hints, the claims parameter, refresh; config/certification.yaml applied."""

import base64
import secrets

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.auth.certification import URL, Suite, apply
from tests.integration.auth.provider import basic
from tests.integration.auth.seeds import APP_LINK, CHALLENGE, HTTPS_ISSUER, VERIFIER


@pytest.mark.requirement("OIDC-3.1.2.1-hint")
def test_id_token_hint(suite: Suite) -> None:
    tokens, first = suite.flow()
    suite.provider.clock.advance(hours=1)
    request = suite.request(prompt="none", id_token_hint=tokens["id_token"])
    again = suite.redeem(suite.arrive(suite.open(request), request)["code"])
    assert suite.verified(again["id_token"], request["nonce"])["sub"] == first["sub"]


@pytest.mark.requirement("OIDC-3.1.2.1-hint")
def test_an_id_token_hint_about_somebody_else_is_no_silent_success(suite: Suite) -> None:
    alices = suite.provider.sign_in(redirect_uri=APP_LINK)["id_token"]
    suite.flow()
    request = suite.request(prompt="none", id_token_hint=alices)
    assert suite.arrive(suite.open(request), request)["error"] == "login_required"


@pytest.mark.requirement("OIDC-5.5")
def test_claims_essential(suite: Suite) -> None:
    tokens, _ = suite.flow(claims='{"userinfo":{"name":{"essential":true}}}')
    assert suite.provider.userinfo(tokens["access_token"]).json()["name"] == "Cert Ification-Tester"


@pytest.mark.requirement("OIDC-5.5.1.1")
def test_an_essential_acr_that_cannot_be_met_is_an_error_and_a_voluntary_one_is_not(suite: Suite) -> None:
    claims = '{"id_token":{"acr":{"essential":true,"values":["urn:company:acr:mfa"]}}}'
    request = suite.request(claims=claims)
    answer = suite.arrive(suite.sign_in(suite.open(request)), request)
    assert answer["error"] in {"unmet_authentication_requirements", "access_denied"}
    _, achieved = suite.flow(acr_values="urn:company:acr:mfa")
    assert achieved["acr"] == "urn:company:acr:1fa"


def test_refresh_token(suite: Suite) -> None:
    tokens, first = suite.flow(scope="openid offline_access", prompt="consent")
    suite.provider.clock.advance(seconds=5)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    other = suite.as_client("second").token(form)
    assert other.status_code == 400 and other.json()["error"] == "invalid_grant"
    refreshed = suite.tokens_of(suite.token(form))
    again = suite.verified(refreshed["id_token"], None)
    for name in ("iss", "sub", "aud", "auth_time"):
        assert again[name] == first[name]
    assert again["iat"] == first["iat"] + 5
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    retry = suite.tokens_of(suite.token(form))
    assert retry["refresh_token"] == refreshed["refresh_token"], "the old one within its window: the same successor"


@pytest.mark.parametrize("name", ["first", "second", "post"])
@pytest.mark.parametrize("query", ["", "?dummy1=lorem&dummy2=ipsum"])
def test_refresh_token_with_every_client_at_either_address(suite: Suite, name: str, query: str) -> None:
    """oidcc-refresh-token: after the first client the second one signs in, at the plain /callback as the first did, and
    then tries the first one's token."""
    first_tokens, _ = suite.flow(scope="openid offline_access", prompt="consent")
    client = suite.as_client(name)
    address = f"{URL}/callback{query}"
    code, request = client.code(scope="openid offline_access", prompt="consent", redirect_uri=address)
    tokens = client.redeem(code, redirect_uri=address)
    claims = client.verified(tokens["id_token"], request["nonce"])
    suite.provider.clock.advance(seconds=5)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = client.tokens_of(client.token(form))
    again = client.verified(refreshed["id_token"], None)
    assert [again[member] for member in ("iss", "sub", "aud")] == [claims[member] for member in ("iss", "sub", "aud")]
    stolen = client.token({**form, "refresh_token": first_tokens["refresh_token"]})
    if name == "first":
        assert stolen.status_code == 200, "its own"
    else:
        assert stolen.status_code == 400 and stolen.json()["error"] == "invalid_grant"


def open_pushed(suite: Suite, pushed: httpx2.Response) -> httpx2.Response:
    assert pushed.status_code == 201, pushed.text
    return suite.open({"client_id": suite.client_id, "request_uri": pushed.json()["request_uri"]})


def test_a_client_may_have_to_push_its_requests(suite: Suite) -> None:
    par = suite.as_client("par")
    request = par.request()
    assert par.arrive(par.open(request), request)["error"] == "invalid_request"
    page = open_pushed(par, par.provider.post("/par", request, Authorization=basic(par.client_id, par.secret)))
    tokens = par.redeem(par.arrive(par.sign_in(page), request)["code"])
    assert par.verified(tokens["id_token"], request["nonce"])


def test_a_client_may_sign_its_assertions(suite: Suite) -> None:
    """FAPI 2: private_key_jwt with PS256, the issuer alone as audience, pushed requests, PKCE."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    modulus = key.public_key().public_numbers().n.to_bytes(256)
    apply(suite.provider.database, CERTIFICATION_KEY_N=base64.urlsafe_b64encode(modulus).decode().rstrip("="))
    fapi = suite.as_client("fapi")

    def credentials() -> dict[str, str]:
        now = int(suite.provider.clock.now().timestamp())
        claims = {"iss": fapi.client_id, "sub": fapi.client_id, "aud": HTTPS_ISSUER, "iat": now, "exp": now + 60}
        assertion = jwt.encode({**claims, "jti": secrets.token_hex(8)}, key, "PS256", headers={"kid": "certification"})
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {"client_id": fapi.client_id, "client_assertion_type": kind, "client_assertion": assertion}

    request = fapi.request(code_challenge=CHALLENGE, code_challenge_method="S256")
    page = open_pushed(fapi, fapi.provider.post("/par", {**request, **credentials()}))
    code = fapi.arrive(fapi.sign_in(page), request)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": fapi.redirect_uri}
    tokens = fapi.tokens_of(fapi.provider.post("/token", {**form, "code_verifier": VERIFIER, **credentials()}))
    assert fapi.verified(tokens["id_token"], request["nonce"])
