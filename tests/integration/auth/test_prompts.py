"""What an existing session answers, and what asks for a person again (OpenID Connect Core s3.1.2.1, RFC 8252 s8.6)."""

import pytest

from tests.integration.auth.provider import Browser, Provider, answer_of, claims_of
from tests.integration.auth.seeds import ALICE, APP_LINK, BOB, DEEP_LINK, LOOPBACK, PORTAL

MFA = "urn:company:acr:mfa"


@pytest.mark.requirement("RFC8252-8.6")
@pytest.mark.parametrize("uri", [DEEP_LINK, "com.company.myapp:/callback", LOOPBACK, "http://[::1]:5/callback"])
def test_prompt_none_never_yields_a_code_where_any_app_can_listen(browser: Browser, uri: str) -> None:
    """RFC 8252 s8.6"""
    browser.sign_in()
    answer = answer_of(browser.authorize(prompt="none", redirect_uri=uri))
    assert answer["error"] == "interaction_required"


def test_prompt_none_yields_a_code_at_a_web_clients_address(browser: Browser) -> None:
    assert answer_of(browser.authorize(**PORTAL, prompt="none"))["error"] == "login_required"
    browser.sign_in()
    assert "code" in answer_of(browser.authorize(**PORTAL, prompt="none"))


@pytest.mark.requirement("RFC8252-8.6")
@pytest.mark.parametrize("uri", [DEEP_LINK, LOOPBACK, APP_LINK])
def test_the_second_visit_asks_to_continue_and_for_no_password(browser: Browser, uri: str) -> None:
    browser.sign_in()
    page = browser.open(redirect_uri=uri)
    assert 'id="continue"' in page.text and "Alice Liddell" in page.text and 'id="password"' not in page.text
    assert "code" in answer_of(browser.submit(page, action="continue"))


def test_a_web_client_is_answered_silently(browser: Browser) -> None:
    browser.sign_in()
    assert "code" in answer_of(browser.authorize(**PORTAL))


def test_an_apps_https_address_is_answered_after_a_tap(browser: Browser) -> None:
    """Phones open the app at a claimed address only when the person has tapped."""
    browser.sign_in()
    assert answer_of(browser.authorize(prompt="none", redirect_uri=APP_LINK))["error"] == "interaction_required"


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_new_sign_in_is_asked_for_although_there_is_a_session(
    provider: Provider, browser: Browser, changes: dict[str, str]
) -> None:
    browser.sign_in()
    provider.clock.advance(seconds=10)
    page = browser.open(redirect_uri=APP_LINK, **changes)
    assert 'id="password"' in page.text
    answer = browser.enter_password(page, ALICE)
    tokens = provider.redeem(answer_of(answer)["code"], redirect_uri=APP_LINK).json()
    assert claims_of(tokens["id_token"])["auth_time"] == int(provider.clock.now().timestamp())


def test_max_age_counts_from_the_last_authentication(provider: Provider, browser: Browser) -> None:
    browser.sign_in()
    provider.clock.advance(seconds=60)
    assert "code" in answer_of(browser.authorize(**PORTAL, max_age="60"))
    assert answer_of(browser.authorize(**PORTAL, max_age="59", prompt="none"))["error"] == "login_required"


@pytest.mark.requirement("OIDC-3.1.2.1-select-account")
def test_select_account_lets_another_user_sign_in(provider: Provider, browser: Browser) -> None:
    browser.sign_in()
    page = browser.open(prompt="select_account", redirect_uri=APP_LINK)
    login = browser.get(page.text.partition('id="other-account" href="')[2].partition('"')[0])
    answer = browser.enter_otp(browser.enter_password(login, BOB))
    assert "code" in answer_of(answer)


def test_a_second_factor_of_yesterday_is_asked_for_again(provider: Provider, browser: Browser) -> None:
    browser.sign_in(BOB)
    provider.clock.advance(hours=11)
    assert "code" in answer_of(browser.authorize(**PORTAL)), "and the session lives on"
    provider.clock.advance(hours=11)
    browser.authorize(**PORTAL)
    provider.clock.advance(hours=3)
    assert 'id="password"' in browser.open(redirect_uri=APP_LINK).text


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}])
def test_a_password_alone_brings_no_fresh_second_factor(
    provider: Provider, browser: Browser, changes: dict[str, str]
) -> None:
    """RFC 9470: a signed-in browser and the password are not "mfa, at most five minutes old".

    Else who has both would get past a refund's step-up by not asking for one.
    """
    browser.sign_in(BOB)
    provider.clock.advance(hours=1)
    answer = browser.enter_password(browser.open(redirect_uri=APP_LINK, **changes), BOB)
    tokens = provider.redeem(answer_of(answer)["code"], redirect_uri=APP_LINK).json()
    claims = claims_of(tokens["access_token"])
    assert (claims["acr"], claims["amr"]) == ("urn:company:acr:1fa", ["pwd"])
    page = browser.open(redirect_uri=APP_LINK, acr_values=MFA)
    assert 'id="otp"' in page.text, "the step up needs what the password's thief lacks"
    tokens = provider.redeem(answer_of(browser.enter_otp(page))["code"], redirect_uri=APP_LINK).json()
    assert claims_of(tokens["access_token"])["acr"] == MFA


def test_who_wants_a_second_factor_and_a_new_sign_in_gets_both(provider: Provider, browser: Browser) -> None:
    browser.sign_in(BOB)
    provider.clock.advance(hours=1)
    page = browser.enter_password(browser.open(redirect_uri=APP_LINK, prompt="login", acr_values=MFA), BOB)
    assert 'id="otp"' in page.text
    assert "code" in answer_of(browser.enter_otp(page))
