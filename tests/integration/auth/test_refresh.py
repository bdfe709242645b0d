"""POST /token with a refresh token: rotation, retry, reuse, narrowing, ends (ADR-0009, RFC 9700 s4.14.2)."""

from typing import Any

import pytest

from services.auth.tokens.refresh_token import PREFIX
from tests.integration.auth.provider import Provider, claims_of, code_of, oauth_error
from tests.integration.auth.seeds import ALICE, BOB, CRM, MAC_KEY, ORDERS
from tests.integration.auth.test_token import PORTAL, WITHOUT_PKCE, redeem_at_portal

STRICT = {"client_id": "strict-app", "redirect_uri": "https://strict.company.localhost/callback"}


@pytest.fixture
def tokens(provider: Provider) -> dict[str, Any]:
    return provider.sign_in()


@pytest.mark.requirement("RFC9700-2.2.2", "OIDC-12.2", "RFC9068-2.2")
def test_a_refresh_rotates_the_token_and_keeps_the_sign_in(provider: Provider, tokens: dict[str, Any]) -> None:
    """OpenID Connect Core s12.2: the original auth_time, no nonce."""
    provider.clock.advance(minutes=6)
    response = provider.refresh(tokens["refresh_token"])
    assert response.status_code == 200 and response.headers["cache-control"] == "no-store"
    fresh = response.json()
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert fresh["scope"] == tokens["scope"]
    before, after = claims_of(tokens["id_token"]), claims_of(fresh["id_token"])
    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert after[name] == before[name], name
    assert "nonce" not in after and after["iat"] == before["iat"] + 360
    assert claims_of(fresh["access_token"])["jti"] != claims_of(tokens["access_token"])["jti"]


def test_the_retry_of_a_lost_response_gets_the_identical_refresh_token(
    provider: Provider, tokens: dict[str, Any]
) -> None:
    first = provider.refresh(tokens["refresh_token"]).json()
    provider.clock.advance(seconds=59)
    again = provider.refresh(tokens["refresh_token"]).json()
    assert again["refresh_token"] == first["refresh_token"]
    assert again["access_token"] != first["access_token"]
    assert provider.refresh(again["refresh_token"]).status_code == 200


@pytest.mark.requirement("RFC9700-2.2.2")
def test_a_reused_refresh_token_revokes_the_family(provider: Provider, tokens: dict[str, Any]) -> None:
    fresh = provider.refresh(tokens["refresh_token"]).json()
    provider.clock.advance(seconds=60)
    assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert oauth_error(provider.refresh(fresh["refresh_token"])) == "invalid_grant"
    assert provider.userinfo(fresh["access_token"]).status_code == 401
    assert provider.events()[-1] == "refresh_token_reuse", "the refusal did not roll it back"


def test_reuse_ends_that_family_and_no_other(provider: Provider, tokens: dict[str, Any]) -> None:
    other = provider.sign_in()
    provider.refresh(tokens["refresh_token"])
    provider.clock.advance(seconds=61)
    provider.refresh(tokens["refresh_token"])
    assert provider.refresh(other["refresh_token"]).status_code == 200


def test_a_thief_who_keeps_pace_is_found_at_the_third_rotation(provider: Provider, tokens: dict[str, Any]) -> None:
    current = tokens["refresh_token"]
    for _ in range(3):
        fresh = provider.refresh(current).json()["refresh_token"]
        provider.clock.advance(seconds=3)
        assert provider.refresh(current, agent="thief").status_code == 200
        current = fresh
    assert oauth_error(provider.refresh(current)) == "invalid_grant"
    assert provider.events()[-1] == "refresh_token_reuse"


def test_a_client_without_a_window_has_none(provider: Provider) -> None:
    """`refresh_retry_window: 0` is a choice and not the absence of one."""
    tokens = provider.sign_in(**STRICT, scope="openid offline_access")
    assert provider.refresh(tokens["refresh_token"], client_id="strict-app").status_code == 200
    assert oauth_error(provider.refresh(tokens["refresh_token"], client_id="strict-app")) == "invalid_grant"


@pytest.mark.parametrize("text", ["x", "", PREFIX, PREFIX + "A" * 96, "sso_rt_" + "\u00e4" * 96, "eyJ.e30.x"])
def test_a_forged_refresh_token_changes_nothing(provider: Provider, tokens: dict[str, Any], text: str) -> None:
    before = provider.events()
    assert oauth_error(provider.refresh(text)) == ("invalid_request" if text == "" else "invalid_grant")
    assert provider.events() == before
    assert provider.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.requirement("OAUTH21-4.3.1")
def test_another_clients_refresh_token_is_refused_and_its_family_lives(
    provider: Provider, tokens: dict[str, Any]
) -> None:
    for _ in range(3):
        assert oauth_error(provider.refresh(tokens["refresh_token"], client_id="other-app")) == "invalid_grant"
        narrowed = provider.refresh(tokens["refresh_token"], client_id="other-app", scope="openid")
        assert oauth_error(narrowed) == "invalid_grant"
    assert provider.refresh(tokens["refresh_token"]).status_code == 200


def test_a_confidential_client_must_authenticate_to_refresh(provider: Provider) -> None:
    code = code_of(provider.browser().sign_in(**{**PORTAL, **WITHOUT_PKCE}))
    tokens = redeem_at_portal(provider, code).json()
    assert oauth_error(provider.refresh(tokens["refresh_token"], client_id="portal")) == "invalid_client"
    assert "refresh_token_reuse" not in provider.events()


def test_the_mac_key_may_change_between_a_refresh_and_its_retry(provider: Provider, tokens: dict[str, Any]) -> None:
    first = provider.refresh(tokens["refresh_token"]).json()
    keys = f"{MAC_KEY[:-1]}A,{MAC_KEY}"
    assert keys.partition(",")[0] != MAC_KEY
    restarted = provider.restarted(refresh_mac_keys=keys)
    assert restarted.refresh(tokens["refresh_token"]).json()["refresh_token"] == first["refresh_token"]
    fresh = restarted.refresh(first["refresh_token"]).json()
    assert restarted.refresh(fresh["refresh_token"]).status_code == 200
    assert oauth_error(provider.refresh(fresh["refresh_token"])) == "invalid_grant", "the old ring has no such key"


# ---------------------------------------------------------------- scope and resource


@pytest.mark.requirement("RFC9700-4.14.2-bound", "OAUTH21-4.3.1")
def test_scope_narrows_one_access_token_and_never_the_family(provider: Provider, tokens: dict[str, Any]) -> None:
    narrow = provider.refresh(tokens["refresh_token"], scope="openid crm:read").json()
    assert narrow["scope"] == "crm:read openid"
    assert claims_of(narrow["access_token"])["aud"] == [CRM]
    wide = provider.refresh(narrow["refresh_token"]).json()
    assert wide["scope"] == tokens["scope"]
    retry = provider.refresh(narrow["refresh_token"], resource=ORDERS).json()
    assert retry["refresh_token"] == wide["refresh_token"], "a retry may ask otherwise"
    assert claims_of(retry["access_token"])["aud"] == [ORDERS]


@pytest.mark.requirement("RFC9700-4.14.2-bound", "OAUTH21-4.3.1")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "openid orders:write"}, "invalid_scope"),
        ({"scope": "crm:read:all"}, "invalid_scope"),
        ({"scope": "unknown:scope"}, "invalid_scope"),
        ({"resource": "https://evil.example"}, "invalid_target"),
        ({"scope": "openid crm:read", "resource": ORDERS}, "invalid_target"),
    ],
)
def test_widening_is_refused_and_does_not_rotate(
    provider: Provider, tokens: dict[str, Any], changes: dict[str, str], error: str
) -> None:
    """RFC 6749 s6, RFC 8707 s2.2"""
    assert oauth_error(provider.refresh(tokens["refresh_token"], **changes)) == error
    provider.clock.advance(minutes=5)  # had it rotated, this would be reuse
    assert provider.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.requirement("RFC9700-4.14.2-bound")
def test_the_resources_of_the_grant_bound_every_refresh(provider: Provider) -> None:
    tokens = provider.sign_in(resource=CRM)
    fresh = provider.refresh(tokens["refresh_token"]).json()
    assert claims_of(fresh["access_token"])["aud"] == [CRM]
    assert oauth_error(provider.refresh(fresh["refresh_token"], resource=ORDERS)) == "invalid_target"


def test_a_scope_that_no_api_has_any_more_is_cut(provider: Provider, tokens: dict[str, Any]) -> None:
    provider.sql("UPDATE apis SET scopes = '[]' WHERE identifier = 'http://localhost:9002'")
    provider.clock.advance(minutes=1)
    for changes in ({}, {"resource": CRM}):
        fresh = provider.refresh(tokens["refresh_token"], **changes)
        assert fresh.status_code == 200 and "orders" not in fresh.json()["scope"]


def test_roles_and_team_are_read_anew(provider: Provider, tokens: dict[str, Any]) -> None:
    assert "roles" not in claims_of(tokens["access_token"])
    provider.sql("""UPDATE users SET roles = '["manager"]', team = 'support' WHERE username = 'alice'""")
    fresh = provider.refresh(tokens["refresh_token"]).json()
    claims = claims_of(fresh["access_token"])
    assert (claims["roles"], claims["groups"]) == (["manager"], ["support"])
    provider.sql("UPDATE users SET roles = '[]', team = NULL WHERE username = 'alice'")
    claims = claims_of(provider.refresh(fresh["refresh_token"]).json()["access_token"])
    assert not {"roles", "groups"} & set(claims)


# ---------------------------------------------------------------- ends


@pytest.mark.requirement("RFC9700-4.14.2-idle")
def test_unused_for_thirty_days_it_is_over(provider: Provider, tokens: dict[str, Any]) -> None:
    provider.clock.advance(days=29, hours=23)
    fresh = provider.refresh(tokens["refresh_token"]).json()
    provider.clock.advance(days=30)
    assert oauth_error(provider.refresh(fresh["refresh_token"])) == "invalid_grant"


@pytest.mark.requirement("RFC9700-4.14.2-idle", "ASVS-10.4.8")
def test_after_180_days_it_is_over_however_much_it_was_used(provider: Provider, tokens: dict[str, Any]) -> None:
    current = tokens["refresh_token"]
    for _ in range(8):
        provider.clock.advance(days=20)
        current = provider.refresh(current).json()["refresh_token"]
    provider.clock.advance(days=20)
    assert oauth_error(provider.refresh(current)) == "invalid_grant"


def test_a_clients_own_lifetimes_count(provider: Provider) -> None:
    current = provider.sign_in(**STRICT, scope="openid offline_access")["refresh_token"]
    for _ in range(2):
        provider.clock.advance(minutes=59)
        current = provider.refresh(current, client_id="strict-app").json()["refresh_token"]
    provider.clock.advance(minutes=2)
    assert oauth_error(provider.refresh(current, client_id="strict-app")) == "invalid_grant", "two hours at most"


@pytest.mark.requirement("ASVS-7.4.2")
def test_a_disabled_user_is_refused(provider: Provider) -> None:
    alice, bob = provider.sign_in(ALICE), provider.sign_in(BOB)
    provider.sql("UPDATE users SET disabled_at = '2030-01-01 12:00:00' WHERE username = 'alice'")
    assert oauth_error(provider.refresh(alice["refresh_token"])) == "invalid_grant"
    assert provider.userinfo(alice["access_token"]).status_code == 401
    assert provider.refresh(bob["refresh_token"]).status_code == 200


def test_a_disabled_client_is_refused_once_the_cache_has_aged(provider: Provider, tokens: dict[str, Any]) -> None:
    provider.sql("UPDATE clients SET disabled_at = '2030-01-01 12:00:00' WHERE client_id = 'mobile-app'")
    provider.clock.advance(seconds=10)
    assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_client"


def test_an_unknown_scope_is_ignored_as_at_authorize(provider: Provider) -> None:
    """Apps repeat the string of their request."""
    tokens = provider.sign_in(scope="openid offline_access crm:read unknown:thing")
    answer = provider.refresh(tokens["refresh_token"], scope="openid offline_access crm:read unknown:thing")
    assert answer.status_code == 200 and answer.json()["scope"] == "crm:read offline_access openid"
    for refused in ("unknown:thing", "orders:read unknown:thing"):
        assert oauth_error(provider.refresh(answer.json()["refresh_token"], scope=refused)) == "invalid_scope"
