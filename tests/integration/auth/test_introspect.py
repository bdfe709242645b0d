"""POST /introspect (RFC 7662): the same verdict as the offline verifier, plus revocation, for the token's API alone."""

from datetime import timedelta
from typing import Any

import jwt
import pytest

from shared.bearer import AccessTokenRules, InvalidToken
from shared.bearer.access_token import key_id, verify
from tests.integration.auth.provider import Provider, basic, claims_of, oauth_error
from tests.integration.auth.seeds import BOB, CRM, HTTP_ISSUER, ORDERS

APIS = {"crm-api": CRM, "orders-api": ORDERS}


def is_active(provider: Provider, token: Any, *, by: str = "crm-api", **form: Any) -> bool:
    """Ask, and check that an inactive token is told nothing of."""
    response = provider.introspect(token, by=by, **form)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    if not response.json()["active"]:
        assert response.json() == {"active": False}
    return bool(response.json()["active"])


def offline_accepts(provider: Provider, token: str, api: str) -> bool:
    """Say what an API makes of the token by itself, its clock as the provider's."""
    keys = {key["kid"]: jwt.PyJWK(key).key for key in provider.http.get("/.well-known/jwks.json").json()["keys"]}
    rules = AccessTokenRules(HTTP_ISSUER, APIS[api], timedelta(minutes=15), leeway=timedelta(0))
    try:
        verify(token, keys[key_id(token)], rules, provider.clock.now())
    except (InvalidToken, KeyError):
        return False
    return True


@pytest.mark.requirement("RFC7662-2.2-active")
def test_a_live_token_is_told_of_in_rfc_7662s_words(provider: Provider) -> None:
    token = provider.sign_in(BOB)["access_token"]
    told, claims = provider.introspect(token).json(), claims_of(token)
    names = {"scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti", "auth_time", "acr", "sid"}
    assert set(told) == {"active", "token_type", *names}, "no name and no e-mail address of the person"
    assert (told.pop("active"), told.pop("token_type")) == (True, "Bearer")
    assert told == {name: claims[name] for name in names}


def test_machine_and_traded_tokens_are_told_of_too(provider: Provider) -> None:
    told = provider.introspect(provider.machine().json()["access_token"]).json()
    assert (told["sub"], told["client_id"]) == ("client:reports-job", "reports-job") and "sid" not in told
    traded = provider.exchange(provider.sign_in()["access_token"]).json()["access_token"]
    assert provider.introspect(traded).json()["act"] == {"sub": "client:orders-api"}
    assert not is_active(provider, traded, by="orders-api"), "it is for crm alone"


@pytest.mark.requirement("RFC7662-2.2-active")
def test_it_agrees_with_the_offline_verifier(provider: Provider) -> None:
    tokens = {
        "both": provider.sign_in()["access_token"],
        "crm": provider.sign_in(scope="openid crm:read")["access_token"],
        "orders": provider.sign_in(scope="orders:read")["access_token"],
        "neither": provider.sign_in(scope="openid")["access_token"],
        "machine": provider.machine().json()["access_token"],
        "machine for orders": provider.machine(resource=ORDERS).json()["access_token"],
    }
    signed_in = provider.sign_in()
    tokens |= {"id": signed_in["id_token"], "refresh": signed_in["refresh_token"]}
    tokens["traded"] = provider.exchange(signed_in["access_token"]).json()["access_token"]
    header, claims, signature = tokens["both"].split(".")
    tokens |= {"unsigned": f"{header}.{claims}.", "tampered": f"{header}.{claims}.{signature[:-4]}AAAA"}
    expected = {
        "crm-api": {"both", "crm", "machine", "traded"},
        "orders-api": {"both", "orders", "machine", "machine for orders"},
    }
    for minutes in (0, 14, 1):
        provider.clock.advance(minutes=minutes)
        expired = minutes == 1
        for api in APIS:
            told = {name for name, token in tokens.items() if is_active(provider, token, by=api)}
            accepted = {name for name, token in tokens.items() if offline_accepts(provider, token, api)}
            assert told == accepted == (set() if expired else expected[api]), (minutes, api)


@pytest.mark.requirement("RFC7662-2.2")
@pytest.mark.parametrize("how", ["revoked", "reuse", "user", "client"])
def test_an_ended_grant_is_inactive_before_the_offline_verifier_knows(provider: Provider, how: str) -> None:
    tokens = provider.sign_in()
    traded = provider.exchange(tokens["access_token"]).json()["access_token"]
    if how == "revoked":
        provider.post("/revoke", {"token": tokens["refresh_token"], "client_id": "mobile-app"})
    elif how == "reuse":
        provider.refresh(tokens["refresh_token"])
        provider.clock.advance(seconds=61)
        provider.refresh(tokens["refresh_token"])
    elif how == "user":
        provider.sql("UPDATE users SET disabled_at = '2026-01-01 00:00:00.000000' WHERE username = 'alice'")
    else:
        provider.sql("UPDATE clients SET disabled_at = '2026-01-01 00:00:00.000000' WHERE client_id = 'mobile-app'")
    for token in (tokens["access_token"], traded):
        assert not is_active(provider, token)
        assert offline_accepts(provider, token, "crm-api")


def test_a_disabled_machines_token_is_inactive(provider: Provider) -> None:
    token = provider.machine().json()["access_token"]
    provider.sql("UPDATE clients SET disabled_at = '2026-01-01 00:00:00.000000' WHERE client_id = 'reports-job'")
    assert not is_active(provider, token)


# ---------------------------------------------------------------- who may ask


@pytest.mark.requirement("RFC7662-2.1")
def test_only_an_api_may_ask(provider: Provider) -> None:
    token = provider.sign_in()["access_token"]
    for client_id in ("reports-job", "partner-web"):
        assert oauth_error(provider.introspect(token, by=client_id)) == "unauthorized_client"
    assert (
        oauth_error(provider.post("/introspect", {"token": token, "client_id": "mobile-app"})) == "unauthorized_client"
    )
    assert oauth_error(provider.post("/introspect", {"token": token})) == "invalid_client"
    wrong = provider.post("/introspect", {"token": token}, Authorization=basic("crm-api", "wrong"))
    assert oauth_error(wrong, 401) == "invalid_client"
    bearer = provider.post("/introspect", {"token": token}, Authorization=f"Bearer {token}")
    assert oauth_error(bearer, 401) == "invalid_client"


def test_it_is_a_post(refusing: Provider) -> None:
    """RFC 7662 s2.1: no token in an address"""
    assert oauth_error(refusing.http.get("/introspect?token=x"), 405) == "invalid_request"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"token": ""}, 400, "invalid_request"),
        ({"token": ["x", "x"]}, 400, "invalid_request"),
        ({"token": "x\0"}, 400, "invalid_request"),
        ({"token": "x", "token_type_hint": ["a", "b"]}, 400, "invalid_request"),
        ({"token": "x" * 2**20}, 413, "invalid_request"),
        ({"token": "x", "client_secret": "y"}, 400, "invalid_request"),
        ({"token": "x", "client_id": "orders-api"}, 400, "invalid_request"),
    ],
)
def test_a_malformed_question_is_refused(refusing: Provider, form: dict[str, Any], status: int, error: str) -> None:
    assert oauth_error(refusing.introspect(**form), status) == error


@pytest.mark.requirement("RFC7662-2.2")
@pytest.mark.parametrize(
    "token", ["x", "...", "a.b.c", "\u00e4", "x" * 8192, "sso_rt_" + "A" * 96, "eyJhbGciOiJub25lIn0.e30.", "\U0001fad6"]
)
@pytest.mark.parametrize("hint", [{}, {"token_type_hint": "refresh_token"}, {"token_type_hint": "\u00e4" * 1000}])
def test_a_bad_token_is_no_error(refusing: Provider, token: str, hint: dict[str, str]) -> None:
    assert not is_active(refusing, token, **hint)


@pytest.mark.requirement("RFC7662-4")
def test_guessing_tokens_is_rate_limited(provider: Provider) -> None:
    """RFC 7662 s4: apart from /token, so that neither starves the other"""
    limited = provider.restarted(rate_limit_introspect="2/minute")
    for _ in range(2):
        assert not is_active(limited, "x")
    assert oauth_error(limited.introspect("x"), 429) == "temporarily_unavailable"
    assert limited.machine().status_code == 200
