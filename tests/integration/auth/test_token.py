"""POST /token with a code (RFC 6749 s4.1.3 and s5, OpenID Connect Core s3.1.3)."""

import httpx2
import jwt
import pytest

from tests.integration.auth.provider import Provider, claims_of, code_of, oauth_error
from tests.integration.auth.seeds import APP_LINK, BOB, CAROL, CRM, DEEP_LINK, LOOPBACK, ORDERS, PORTAL_SECRET, VERIFIER

PORTAL = {
    "client_id": "portal",
    "redirect_uri": "https://portal.company.localhost/callback?tenant=1",
    "scope": "openid offline_access",
}
WITHOUT_PKCE: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}


@pytest.fixture
def code(provider: Provider) -> str:
    return code_of(provider.browser().sign_in())


def portal_code(provider: Provider, **changes: str | None) -> str:
    return code_of(provider.browser().sign_in(**{**PORTAL, **WITHOUT_PKCE, **changes}))


def redeem_at_portal(provider: Provider, code: str, **changes: str | None) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": PORTAL["redirect_uri"],
        "client_id": "portal",
        "client_secret": PORTAL_SECRET,
        **changes,
    }
    return provider.post("/token", {name: value for name, value in form.items() if value is not None})


# ---------------------------------------------------------------- success


@pytest.mark.requirement("OAUTH21-3.2", "RFC9068-2.1")
def test_the_answer_is_what_rfc_6749_and_openid_ask_for(provider: Provider, code: str) -> None:
    response = provider.redeem(code)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert body["scope"] == "crm:read crm:write email offline_access openid orders:read profile"
    assert body["refresh_token"].startswith("sso_rt_")
    keys = {key["kid"]: jwt.PyJWK(key) for key in provider.http.get("/.well-known/jwks.json").json()["keys"]}
    for name, typ, audience in [("access_token", "at+jwt", [CRM, ORDERS]), ("id_token", "JWT", "mobile-app")]:
        header = jwt.get_unverified_header(body[name])
        assert (header["alg"], header["typ"]) == ("RS256", typ)
        claims = jwt.decode(
            body[name],
            keys[header["kid"]],
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
        )
        assert claims["aud"] == audience and claims["iss"] == "http://localhost:9000"
        assert None not in claims.values()
    assert claims_of(body["id_token"])["nonce"] == "a nonce"
    assert claims_of(body["access_token"])["groups"] == ["sales"]
    assert claims_of(body["access_token"])["sub"] == claims_of(body["id_token"])["sub"]


def test_the_second_factor_shows_in_acr_and_amr(provider: Provider) -> None:
    claims = claims_of(provider.sign_in(BOB)["id_token"])
    assert (claims["acr"], claims["amr"]) == ("urn:company:acr:mfa", ["pwd", "otp", "mfa"])
    claims = claims_of(provider.sign_in(CAROL)["access_token"])
    assert (claims["acr"], claims["amr"], claims["roles"]) == ("urn:company:acr:1fa", ["pwd"], ["manager"])


@pytest.mark.requirement("OIDC-3.1.2.1", "OIDC-11")
def test_without_openid_there_is_no_id_token_and_without_offline_access_no_refresh_token(provider: Provider) -> None:
    assert {"id_token", "refresh_token"} & set(provider.sign_in(scope="crm:read")) == set()
    assert "refresh_token" not in provider.sign_in(scope="openid crm:read")


@pytest.mark.requirement("OIDC-11")
def test_offline_access_is_ignored_when_the_client_may_not_refresh(provider: Provider) -> None:
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.grant_types', json('[\"authorization_code\"]'))"
        " WHERE client_id = 'mobile-app'"
    )
    tokens = provider.sign_in(scope="openid offline_access")
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid"


@pytest.mark.requirement("RFC9068-3")
def test_without_an_apis_scope_the_audience_is_the_issuer(provider: Provider) -> None:
    assert claims_of(provider.sign_in(scope="openid")["access_token"])["aud"] == ["http://localhost:9000"]


@pytest.mark.requirement("RFC9700-2.3", "OAUTH21-3.2.2.1", "RFC9068-3", "RFC8707-2")
def test_a_resource_narrows_audience_and_scopes(provider: Provider) -> None:
    """RFC 8707 s2.1 and s2.2"""
    tokens = provider.sign_in(resource=CRM + "/")
    assert claims_of(tokens["access_token"])["aud"] == [CRM]
    assert "orders" not in tokens["scope"] and "openid" in tokens["scope"]
    code = code_of(provider.browser().sign_in())
    assert oauth_error(provider.redeem(code, resource="https://evil.example")) == "invalid_target"
    assert claims_of(provider.redeem(code, resource=ORDERS).json()["access_token"])["aud"] == [ORDERS]


@pytest.mark.requirement("OAUTH21-4.1.3-uri")
def test_an_oauth_2_1_client_need_not_repeat_the_address(provider: Provider, code: str) -> None:
    assert provider.redeem(code, redirect_uri=None).status_code == 200


def test_a_client_may_have_lifetimes_of_its_own(provider: Provider) -> None:
    uri = "https://strict.company.localhost/callback"
    tokens = provider.sign_in(client_id="strict-app", redirect_uri=uri, scope="openid crm:read")
    claims = claims_of(tokens["access_token"])
    assert tokens["expires_in"] == claims["exp"] - claims["iat"] == 60


# ---------------------------------------------------------------- the code


@pytest.mark.requirement("RFC9700-4.2.4", "OAUTH21-4.1.3")
def test_a_replayed_code_revokes_the_family(provider: Provider, code: str) -> None:
    """RFC 6749 s4.1.2: SHOULD revoke all tokens issued by that code."""
    tokens = provider.redeem(code).json()
    assert oauth_error(provider.redeem(code)) == "invalid_grant"
    assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    assert provider.events()[-1] == "authorization_code_replay", "the refusal did not roll it back"


@pytest.mark.requirement("RFC9700-4.5.3")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": VERIFIER[:42]}, "invalid_request"),
        ({"code_verifier": "v" * 129}, "invalid_request"),
        ({"code_verifier": VERIFIER[:-1] + "\u00e4"}, "invalid_request"),
        ({"code_verifier": VERIFIER + "x"}, "invalid_grant"),
        ({"redirect_uri": LOOPBACK}, "invalid_grant"),
        ({"redirect_uri": DEEP_LINK + "/"}, "invalid_grant"),
        ({"client_id": "other-app"}, "invalid_grant"),
        ({"resource": "https://evil.example"}, "invalid_target"),
    ],
)
def test_a_failed_redemption_neither_burns_the_code_nor_ends_the_family(
    provider: Provider, code: str, changes: dict[str, str | None], error: str
) -> None:
    """Somebody who sees a code without its verifier must not be able to hurt its owner."""
    assert oauth_error(provider.redeem(code, **changes)) == error
    tokens = provider.redeem(code).json()
    assert oauth_error(provider.redeem(code, **changes)) == error
    assert provider.refresh(tokens["refresh_token"]).status_code == 200
    assert "authorization_code_replay" not in provider.events()


@pytest.mark.requirement("OAUTH21-4.1.3")
@pytest.mark.parametrize(("seconds", "status"), [(59.9, 200), (60, 400)])
def test_a_code_lives_for_sixty_seconds(provider: Provider, code: str, seconds: float, status: int) -> None:
    provider.clock.advance(seconds=seconds)
    assert provider.redeem(code).status_code == status


@pytest.mark.parametrize("code", ["x", "A" * 43, "'; DROP TABLE families; --", "\u00e4" * 1500])
def test_an_unknown_code_is_refused(refusing: Provider, code: str) -> None:
    assert oauth_error(refusing.redeem(code)) == "invalid_grant"


def test_a_missing_or_empty_code_is_an_invalid_request(refusing: Provider) -> None:
    form = {"grant_type": "authorization_code", "client_id": "mobile-app", "code_verifier": VERIFIER}
    assert oauth_error(refusing.post("/token", form)) == "invalid_request"
    assert oauth_error(refusing.post("/token", {**form, "code": ""})) == "invalid_request"


@pytest.mark.requirement("ASVS-7.4.2")
def test_what_ended_between_code_and_redemption_is_refused(provider: Provider) -> None:
    for statement in (
        "UPDATE users SET disabled_at = '2030-01-01 00:00:00' WHERE username = 'alice'",
        "UPDATE browser_sessions SET ended_at = '2030-01-01 12:00:00'",
        "UPDATE users SET tokens_valid_from = '2030-01-01 12:00:01', disabled_at = NULL WHERE username = 'alice'",
    ):
        provider.sql("UPDATE users SET disabled_at = NULL, tokens_valid_from = NULL")
        code = code_of(provider.browser().sign_in())
        provider.sql(statement)
        assert oauth_error(provider.redeem(code)) == "invalid_grant", statement


# ---------------------------------------------------------------- PKCE and the exception


@pytest.mark.requirement("OAUTH21-4.1.3-uri")
def test_a_code_without_pkce_demands_its_address(provider: Provider) -> None:
    code = portal_code(provider)
    assert oauth_error(redeem_at_portal(provider, code, redirect_uri=None)) == "invalid_grant"
    assert redeem_at_portal(provider, code).status_code == 200


@pytest.mark.requirement("RFC9700-2.1.1-downgrade")
def test_a_verifier_for_a_code_without_challenge_is_refused(provider: Provider) -> None:
    """RFC 9700 s4.8.2: PKCE downgrade."""
    code = portal_code(provider)
    assert oauth_error(redeem_at_portal(provider, code, code_verifier=VERIFIER)) == "invalid_request"


@pytest.mark.requirement("RFC9700-2.1.1-downgrade")
def test_a_confidential_client_that_sent_a_challenge_owes_the_verifier(provider: Provider) -> None:
    code = code_of(provider.browser().sign_in(**PORTAL))
    assert oauth_error(redeem_at_portal(provider, code)) == "invalid_request"
    assert redeem_at_portal(provider, code, code_verifier=VERIFIER).status_code == 200


# ---------------------------------------------------------------- the request


@pytest.mark.requirement("RFC9700-2.4")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"grant_type": 'x"y\\'}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
    ],
)
def test_another_grant_is_refused(refusing: Provider, changes: dict[str, str | None], error: str) -> None:
    assert oauth_error(refusing.redeem("x", **changes)) == error


def test_a_client_gets_no_grant_that_it_is_not_registered_for(provider: Provider) -> None:
    assert oauth_error(provider.refresh("x", client_id="swagger")) == "unauthorized_client"


@pytest.mark.requirement("OAUTH21-3.1")
@pytest.mark.parametrize("name", ["code", "grant_type", "client_id", "code_verifier", "unheard_of"])
def test_a_repeated_parameter_is_refused(provider: Provider, code: str, name: str) -> None:
    body = f"grant_type=authorization_code&code={code}&client_id=mobile-app&code_verifier={VERIFIER}&unheard_of=1"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert oauth_error(provider.http.post("/token", content=f"{body}&{name}=x", headers=headers)) == "invalid_request"
    assert provider.http.post("/token", content=body, headers=headers).status_code == 200


@pytest.mark.requirement("OAUTH21-3.2")
def test_a_token_request_is_a_form_in_a_post(provider: Provider, code: str) -> None:
    form = {"grant_type": "authorization_code", "code": code, "client_id": "mobile-app", "code_verifier": VERIFIER}
    assert oauth_error(provider.http.get("/token", params=form), 405) == "invalid_request"
    assert oauth_error(provider.http.post("/token", params=form)) == "invalid_request"
    assert oauth_error(provider.http.post("/token", json=form)) == "invalid_request"
    assert oauth_error(provider.http.post("/token", data=form, files={"x": b""})) == "invalid_request"
    headers = {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}
    assert provider.http.post("/token", data=form, headers=headers).status_code == 200


@pytest.mark.requirement("RFC9700-4.5.3", "RFC8252-7", "OAUTH21-4.1.3-uri")
def test_a_code_for_an_https_address_is_for_that_address(provider: Provider) -> None:
    code = code_of(provider.browser().sign_in(redirect_uri=APP_LINK))
    assert oauth_error(provider.redeem(code)) == "invalid_grant"
    assert provider.redeem(code, redirect_uri=APP_LINK).status_code == 200
