"""POST /token with token exchange (RFC 8693): what an API may trade its caller's token for, and what it may not."""

from typing import Any

import jwt
import pytest

from services.auth.revocation import set_enabled
from tests.integration.auth.provider import Provider, basic, claims_of, code_of, oauth_error, seeded_basic
from tests.integration.auth.seeds import ALICE, BOB, CAROL, CRM, ORDERS, PARTNER

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture
def tokens(provider: Provider) -> dict[str, Any]:
    return provider.sign_in()


def traded(provider: Provider, access_token: str, **form: Any) -> dict[str, Any]:
    response = provider.exchange(access_token, **form)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return dict(response.json())


@pytest.mark.parametrize("who", [BOB, CAROL])
def test_the_traded_token_is_the_same_person_at_the_other_api(provider: Provider, who: tuple[str, str]) -> None:
    subject = provider.sign_in(who)["access_token"]
    body = traded(provider, subject)
    assert set(body) == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (body["issued_token_type"], body["token_type"], body["scope"]) == (ACCESS_TOKEN, "Bearer", "crm:read")
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    before, after = claims_of(subject), claims_of(body["access_token"])
    assert after["aud"] == [CRM] and after["client_id"] == "orders-api"
    assert after["act"] == {"sub": "client:orders-api"}
    for name in ("iss", "sub", "sid", "auth_time", "acr", "amr", "groups", "roles", "status"):
        assert after.get(name) == before.get(name), name
    assert after["jti"] != before["jti"]
    assert after["jti"].partition(".")[0] == before["jti"].partition(".")[0], "the same family: one end ends both"


@pytest.mark.parametrize(
    "form",
    [
        {"scope": "crm:read"},
        {"scope": "crm:read of-nobody"},
        {"resource": CRM + "/"},
        {"resource": [CRM, CRM + "/"]},
        {"requested_token_type": ACCESS_TOKEN},
    ],
)
def test_a_request_may_say_more_than_it_must(provider: Provider, tokens: dict[str, Any], form: dict[str, Any]) -> None:
    assert traded(provider, tokens["access_token"], **form)["scope"] == "crm:read"


def test_the_caller_need_not_hold_the_other_apis_scope(provider: Provider) -> None:
    """ADR-0012: what an API may do for its callers stands in its registration, not in each app's."""
    assert traded(provider, provider.sign_in(scope="orders:read")["access_token"])["scope"] == "crm:read"


# ---------------------------------------------------------------- attacks


@pytest.mark.requirement("RFC8693-2")
@pytest.mark.parametrize(
    "scope", ["crm:write", "crm:read crm:write", "crm:read:all", "orders:read", "openid", "offline_access", "x", " "]
)
def test_an_exchange_cannot_widen(provider: Provider, tokens: dict[str, Any], scope: str) -> None:
    assert oauth_error(provider.exchange(tokens["access_token"], scope=scope)) == "invalid_scope"


def test_an_exchange_cannot_widen_by_a_row_that_says_too_much(provider: Provider, tokens: dict[str, Any]) -> None:
    """Scopes for machines or of another API are not tradable even if they got into the database."""
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.scope', 'crm:read crm:read:all orders:write openid',"
        " '$.token_exchange_targets[0].scope', 'crm:read crm:read:all orders:write openid')"
        " WHERE client_id = 'orders-api'"
    )
    assert traded(provider, tokens["access_token"])["scope"] == "crm:read"
    assert oauth_error(provider.exchange(tokens["access_token"], scope="crm:read:all")) == "invalid_scope"


@pytest.mark.requirement("RFC8693-2")
def test_an_exchange_cannot_outlive_the_subject_token(provider: Provider, tokens: dict[str, Any]) -> None:
    provider.clock.advance(minutes=14)
    body = traded(provider, tokens["access_token"])
    assert claims_of(body["access_token"])["exp"] == claims_of(tokens["access_token"])["exp"]
    assert body["expires_in"] == 60
    provider.clock.advance(minutes=1)
    assert oauth_error(provider.exchange(tokens["access_token"])) == "invalid_request"


def test_an_exchange_gives_no_way_to_go_on(provider: Provider, tokens: dict[str, Any]) -> None:
    """A traded token is not a subject token, opens no userinfo, refreshes nothing."""
    second = traded(provider, tokens["access_token"])["access_token"]
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.resource_identifiers', json('[\"http://localhost:9001\"]'))"
        " WHERE client_id = 'orders-api'"
    )
    provider.clock.advance(seconds=11)
    assert oauth_error(provider.exchange(second)) == "invalid_request"
    assert oauth_error(provider.refresh(second)) == "invalid_grant"
    assert provider.userinfo(second).status_code == 403


@pytest.mark.requirement("RFC8693-2")
def test_a_stolen_token_of_another_api_is_not_tradable(provider: Provider) -> None:
    """crm's callers are not callers of orders."""
    assert oauth_error(provider.exchange(provider.sign_in(scope="crm:read")["access_token"])) == "invalid_request"
    narrowed = provider.refresh(provider.sign_in()["refresh_token"], resource=CRM).json()["access_token"]
    assert oauth_error(provider.exchange(narrowed)) == "invalid_request"


def test_a_token_for_the_provider_itself_is_not_tradable(provider: Provider) -> None:
    assert oauth_error(provider.exchange(provider.sign_in(scope="openid")["access_token"])) == "invalid_request"


@pytest.mark.parametrize("how", ["revoked", "user", "client", "reuse"])
def test_a_token_of_an_ended_family_is_not_tradable(provider: Provider, tokens: dict[str, Any], how: str) -> None:
    if how == "revoked":
        provider.post("/revoke", {"token": tokens["refresh_token"], "client_id": "mobile-app"})
    elif how == "reuse":
        provider.refresh(tokens["refresh_token"])
        provider.clock.advance(seconds=61)
        provider.refresh(tokens["refresh_token"])
    else:
        where = {"user": "users SET disabled_at = :at WHERE username = 'alice'"}.get(
            how, "clients SET disabled_at = :at WHERE client_id = 'mobile-app'"
        )
        provider.sql(f"UPDATE {where}", at="2026-01-01 00:00:00.000000")
    assert oauth_error(provider.exchange(tokens["access_token"])) == "invalid_request"


def test_an_id_token_or_refresh_token_is_not_tradable(provider: Provider, tokens: dict[str, Any]) -> None:
    for name in ("id_token", "refresh_token"):
        assert oauth_error(provider.exchange(tokens[name])) == "invalid_request"


def test_a_tampered_token_is_not_tradable(provider: Provider, tokens: dict[str, Any]) -> None:
    header, claims, signature = tokens["access_token"].split(".")
    for forged in (f"{header}.{claims}.", f"{header}.{claims}.{signature[:-4]}AAAA", f"..{signature}"):
        assert oauth_error(provider.exchange(forged)) == "invalid_request"


@pytest.mark.requirement("RFC8693-2")
def test_only_the_api_itself_may_trade_its_callers_tokens(provider: Provider, tokens: dict[str, Any]) -> None:
    """A stolen token is worth no more at /token than at its API, whoever presents it."""
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": tokens["access_token"],
        "subject_token_type": ACCESS_TOKEN,
        "resource": CRM,
    }
    assert oauth_error(provider.post("/token", {**form, "client_id": "mobile-app"})) == "unauthorized_client"
    for client_id in ("crm-api", "reports-job", "partner-web"):
        refused = provider.post("/token", form, Authorization=seeded_basic(client_id))
        assert oauth_error(refused) == "unauthorized_client"
    wrong = provider.post("/token", form, Authorization=basic("orders-api", "wrong"))
    assert oauth_error(wrong, 401) == "invalid_client"
    assert oauth_error(provider.post("/token", {**form, "client_id": "orders-api"})) == "invalid_client"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"resource": ORDERS}, "invalid_target"),
        ({"resource": "http://localhost:9003"}, "invalid_target"),
        ({"resource": [CRM, ORDERS]}, "invalid_target"),
        ({"resource": "x" * 8192}, "invalid_target"),
        ({"resource": "\u00e4"}, "invalid_target"),
        ({"resource": None}, "invalid_request"),
        ({"resource": ""}, "invalid_request"),
        ({"resource": None, "audience": CRM}, "invalid_request"),
        ({"audience": ORDERS}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"actor_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"subject_token_type": [ACCESS_TOKEN, ACCESS_TOKEN]}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
    ],
)
def test_a_request_of_another_shape_is_refused(
    provider: Provider, tokens: dict[str, Any], form: dict[str, Any], error: str
) -> None:
    assert oauth_error(provider.exchange(tokens["access_token"], **form)) == error


@pytest.mark.parametrize(
    "subject_token",
    ["", "x", "a.b.c", "...", "x" * 8192, "\u00e4", "a\0", ["x", "y"], "eyJhbGciOiJub25lIn0.e30.", "W" * 40000 + ".."],
)
def test_a_subject_token_that_is_none_is_refused(refusing: Provider, subject_token: Any) -> None:
    assert oauth_error(refusing.exchange(subject_token)) == "invalid_request"


def test_deep_nesting_in_a_token_is_no_server_error(refusing: Provider) -> None:
    """A header of ten thousand brackets exhausts a recursive parser."""
    deep = jwt.utils.base64url_encode(b"[" * 30_000).decode()
    assert oauth_error(refusing.exchange(f"{deep}.e30.x")) == "invalid_request"
    assert refusing.userinfo(f"{deep}.e30.x").status_code == 401


def test_a_disabled_api_trades_nothing_where_it_is_still_remembered(provider: Provider, tokens: dict[str, Any]) -> None:
    """Clients are remembered for ten seconds, and no end of its own would reach what it trades in them."""
    traded(provider, tokens["access_token"])
    with provider.context.database.transaction() as stores:
        assert set_enabled(stores, "orders-api", enabled=False, origin=None, now=provider.clock.now())
    assert provider.exchange(tokens["access_token"]).status_code == 503
    assert oauth_error(provider.exchange(tokens["access_token"]), 401) == "invalid_client"


@pytest.mark.parametrize(("scope", "traded"), [("openid orders:read", False), ("openid orders:read crm:read", True)])
def test_a_third_partys_token_yields_no_scope_that_its_user_did_not_allow(
    provider: Provider, scope: str, traded: bool
) -> None:
    """The API acts for its caller, and its caller is the third party: a deputy must not forget that."""
    browser = provider.browser()
    page = browser.enter_password(browser.open(**{**PARTNER, "scope": scope}), ALICE)
    tokens = provider.redeem_as_partner(code_of(browser.press(page, "allow"))).json()
    answer = provider.exchange(tokens["access_token"])
    assert (answer.status_code == 200) is traded
    if not traded:
        assert oauth_error(answer) == "invalid_scope"
