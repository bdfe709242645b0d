"""The claims parameter, from /authorize to the ID token and /userinfo (OpenID Connect Core s5.5)."""

import json
from typing import Any

import pytest

from shared.testing import ALICE as ALICES_SUB
from shared.testing import BOB as BOBS_SUB
from tests.integration.auth.provider import Browser, Provider, answer_of, claims_of, code_of
from tests.integration.auth.seeds import ALICE, APP_LINK, BOB, CAROL

MFA, ONE = "urn:company:acr:mfa", "urn:company:acr:1fa"


def asking(**members: Any) -> dict[str, Any]:
    return {"redirect_uri": APP_LINK, "scope": "openid offline_access", "claims": json.dumps(members)}


def tokens_of(provider: Provider, browser: Browser, who: tuple[str, str] = ALICE, **changes: Any) -> dict[str, Any]:
    response = provider.redeem(code_of(browser.sign_in(who, **changes)), redirect_uri=APP_LINK)
    return dict(response.json())


def test_claims_asked_for_are_answered_where_they_were_asked_for(provider: Provider, browser: Browser) -> None:
    asked = asking(userinfo={"name": {"essential": True}, "phone_number": None}, id_token={"email": None})
    tokens = tokens_of(provider, browser, **asked)
    assert provider.userinfo(tokens["access_token"]).json() == {"sub": ALICES_SUB, "name": "Alice Liddell"}
    assert claims_of(tokens["id_token"])["email"] == "alice@company.localhost"
    again = provider.refresh(tokens["refresh_token"]).json()
    assert claims_of(again["id_token"])["email"] == "alice@company.localhost"
    assert provider.userinfo(again["access_token"]).json()["name"] == "Alice Liddell"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"value": "Alice Liddell"}, True),
        ({"value": "Somebody"}, False),
        ({"values": ["Somebody", "Alice Liddell"]}, True),
        ({"values": []}, False),
        ({"values": ["Somebody"], "essential": True}, False),
        ({"unheard_of": 1}, True),
        ({"value": {"a": 1}}, False),
    ],
)
def test_a_named_value_is_told_or_nothing(
    provider: Provider, browser: Browser, asked: dict[str, Any], told: bool
) -> None:
    tokens = tokens_of(provider, browser, **asking(userinfo={"name": asked}))
    assert ("name" in provider.userinfo(tokens["access_token"]).json()) is told


def test_a_client_that_reads_the_id_token_alone_gets_the_granted_claims_in_it(
    provider: Provider, browser: Browser
) -> None:
    """Auth.js, msal and passport never ask /userinfo: a switch of the client, off by default."""
    wishes: dict[str, Any] = {"redirect_uri": APP_LINK, "scope": "openid email offline_access"}
    assert "email" not in claims_of(tokens_of(provider, browser, **wishes)["id_token"])
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.id_token_profile_claims', json('true'))"
        " WHERE client_id = 'mobile-app'"
    )
    provider.clock.advance(seconds=11)
    tokens = tokens_of(provider, provider.browser(), **wishes)
    for answer in (tokens, provider.refresh(tokens["refresh_token"]).json()):
        told = claims_of(answer["id_token"])
        assert (told["email"], told["email_verified"]) == ("alice@company.localhost", True)
        assert "name" not in told, "profile was not granted"
        assert told["iss"] == provider.settings.issuer and "roles" not in told
        assert "email" not in claims_of(answer["access_token"])


def test_a_boolean_is_no_number(provider: Provider, browser: Browser) -> None:
    tokens = tokens_of(provider, browser, **asking(userinfo={"email_verified": {"value": 1}}))
    assert "email_verified" not in provider.userinfo(tokens["access_token"]).json()


def test_nobody_overwrites_a_claim_of_the_protocol(provider: Provider, browser: Browser) -> None:
    names = ("iss", "aud", "exp", "sid", "roles", "groups", "password_hash", "client_id", "username")
    tokens = tokens_of(provider, browser, **asking(id_token=dict.fromkeys(names), userinfo=dict.fromkeys(names)))
    assert set(provider.userinfo(tokens["access_token"]).json()) == {"sub"}
    assert not {"roles", "groups", "password_hash", "client_id", "username"} & set(claims_of(tokens["id_token"]))


def test_a_client_gets_no_claim_whose_scope_it_may_not_ask_for(provider: Provider, browser: Browser) -> None:
    changes: dict[str, Any] = {
        "client_id": "other-app",
        "redirect_uri": "https://other.company.localhost/callback",
        "scope": "openid",
        "claims": '{"userinfo":{"email":{"essential":true}},"id_token":{"name":null}}',
    }
    answer = browser.sign_in(**changes)
    tokens = provider.redeem(code_of(answer), client_id="other-app", redirect_uri=changes["redirect_uri"]).json()
    assert set(provider.userinfo(tokens["access_token"]).json()) == {"sub"}
    assert "name" not in claims_of(tokens["id_token"])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        '"name"',
        '{"userinfo":[]}',
        '{"userinfo":{"name":true}}',
        '{"userinfo":{"name":{"essential":"yes"}}}',
        '{"id_token":{"acr":{"values":"x"}}}',
        '{"userinfo":{"name":{"value":NaN}}}',
        "[" * 4000,
        '{"a":' * 900,
        '{"x":' + "9" * 5000 + "}",
        '{"userinfo":{"name":null},"pad":"' + "x" * 8192 + '"}',
        "\u00e4",
    ],
)
def test_a_malformed_parameter_is_invalid_request(refusing: Provider, text: str) -> None:
    answer = answer_of(refusing.browser().authorize(claims=text))
    assert (answer["error"], answer["error_description"]) == ("invalid_request", "The claims parameter is malformed.")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"unheard_of":{"a":1}}',
        '{"userinfo":null,"id_token":{}}',
        '{"userinfo":{"name#de":null,"http://example.com/x":{"essential":true},"\\u0000":null}}',
        '{"userinfo":{"name":{"value":"\\ud800"}},"id_token":{"sub":null,"acr":null}}',
    ],
)
def test_what_is_unknown_is_left_aside(provider: Provider, text: str) -> None:
    assert "code" in answer_of(provider.browser().sign_in(claims=text))


# ---------------------------------------------------------------- sub


def test_only_the_named_user_will_do(provider: Provider, browser: Browser) -> None:
    asked = asking(id_token={"sub": {"value": BOBS_SUB}})
    browser.sign_in()
    assert answer_of(browser.authorize(**asked, prompt="none"))["error"] == "login_required"
    page = browser.open(**asked)
    assert 'id="password"' in page.text, "no silent answer for alice"
    assert answer_of(browser.enter_password(page, ALICE))["error"] == "login_required"
    page = browser.open(**asked)
    answer = browser.enter_otp(browser.enter_password(page, BOB))
    tokens = provider.redeem(code_of(answer), redirect_uri=APP_LINK).json()
    assert claims_of(tokens["id_token"])["sub"] == BOBS_SUB
    assert answer_of(browser.authorize(**asked, prompt="none"))["error"] == "interaction_required", "bob will do"


@pytest.mark.parametrize("sub", [{"value": ""}, {"values": []}, {"value": 1}, {"value": "x\u0000"}, {"value": None}])
def test_a_sub_that_is_nobodys_is_answered_for_nobody(browser: Browser, sub: dict[str, Any]) -> None:
    browser.sign_in()
    assert answer_of(browser.authorize(**asking(userinfo={"sub": sub}), prompt="none"))["error"] == "login_required"


# ---------------------------------------------------------------- acr


@pytest.mark.parametrize("values", [{"value": MFA}, {"values": [MFA, "urn:x"]}, {"value": "urn:x"}])
def test_an_essential_acr_that_cannot_be_met_is_an_error(browser: Browser, values: dict[str, Any]) -> None:
    page = browser.open(**asking(id_token={"acr": {"essential": True, **values}}))
    answer = answer_of(page if page.status_code == 303 else browser.enter_password(page, ALICE))
    assert answer["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize(
    "acr",
    [None, {"essential": True}, {"value": MFA}, {"values": [ONE], "essential": True}, {"values": ["urn:x"]}],
)
def test_other_wishes_for_an_acr_are_no_error(provider: Provider, browser: Browser, acr: Any) -> None:
    tokens = tokens_of(provider, browser, CAROL, **asking(id_token={"acr": acr}))
    assert claims_of(tokens["id_token"])["acr"] == ONE


def test_an_essential_acr_is_met_by_who_can(provider: Provider, browser: Browser) -> None:
    asked = asking(id_token={"acr": {"essential": True, "value": MFA}})
    assert claims_of(tokens_of(provider, browser, BOB, **asked)["id_token"])["acr"] == MFA


def test_an_essential_acr_is_answered_by_one_of_those_that_were_named(provider: Provider, browser: Browser) -> None:
    """OpenID Connect Core s5.5.1.1: two factors meet the demand for one, and the answer says which it met."""
    asked = asking(id_token={"acr": {"essential": True, "values": [ONE, "urn:x"]}})
    assert claims_of(tokens_of(provider, browser, BOB, **asked)["id_token"])["acr"] == ONE


def test_a_client_that_loses_a_scope_loses_the_claims_that_it_opens(provider: Provider, browser: Browser) -> None:
    """A refresh cuts the scopes; what was once asked for by name is no way around that."""
    asked = asking(userinfo={"name": None, "email": None}, id_token={"email": None})
    tokens = tokens_of(provider, browser, **asked)
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.scope', 'openid profile offline_access')"
        " WHERE client_id = 'mobile-app'"
    )
    provider.clock.advance(seconds=11)
    again = provider.refresh(tokens["refresh_token"]).json()
    assert "email" not in claims_of(again["id_token"])
    assert provider.userinfo(again["access_token"]).json() == {"sub": ALICES_SUB, "name": "Alice Liddell"}
