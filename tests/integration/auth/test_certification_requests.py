"""More modules of the basic plan: hints, the claims parameter, refresh; config/certification.yaml applied."""

import pytest

from tests.integration.auth.certification import Suite
from tests.integration.auth.seeds import APP_LINK


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
