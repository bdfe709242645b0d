"""Signing in by a passkey: alone, and as the second factor. The attacks on it are in tests/security."""

import pytest

from services.auth.accounts.browser_session import ACR_MFA, ACR_PHR
from tests.integration.auth.passkeys import ask, give_passkey, rows, use
from tests.integration.auth.provider import Browser, Provider, claims_of, code_of, error_of, hidden_fields
from tests.integration.auth.seeds import ALICE, BOB

ESSENTIAL = '{"id_token":{"acr":{"value":"phr","essential":true}}}'


def claims(provider: Provider, answer: object) -> dict[str, object]:
    return claims_of(provider.redeem(code_of(answer)).json()["id_token"])  # type: ignore[arg-type] # a response


@pytest.mark.requirement("NIST63B-2.2.2")
def test_a_passkey_alone_signs_in_with_two_factors(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    found = claims(provider, use(browser, browser.open(), authenticator))
    assert (found["acr"], found["amr"]) == (ACR_MFA, ["pop", "user", "mfa"])
    assert provider.events().count("signed_in") == 2
    assert rows(provider)[0]["last_used_at"] == provider.clock.now()


@pytest.mark.parametrize(
    "asked", [{"acr_values": "phr"}, {"claims": '{"id_token":{"acr":{"value":"phr","essential":true}}}'}]
)
def test_who_asks_for_resistance_to_phishing_is_answered_by_its_name(
    provider: Provider, browser: Browser, asked: dict[str, str]
) -> None:
    authenticator = give_passkey(provider)
    assert claims(provider, use(browser, browser.open(**asked), authenticator))["acr"] == ACR_PHR


def test_a_password_is_not_enough_where_resistance_to_phishing_is_a_must(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider, BOB)
    page = browser.enter_password(browser.open(claims=ESSENTIAL), BOB)
    assert 'id="passkey"' in page.text and 'id="otp"' not in page.text
    assert claims(provider, use(browser, page, authenticator, "second_factor"))["acr"] == ACR_PHR


def test_a_challenge_names_no_account(provider: Provider, browser: Browser) -> None:
    give_passkey(provider)
    options = ask(browser, browser.open(login_hint="alice"))
    assert (options["allowCredentials"], options["rpId"]) == ([], "localhost")
    assert options["userVerification"] == "required"


def test_a_passkey_is_the_second_factor_of_who_added_it(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider, verifies=True)
    page = browser.enter_password(browser.open(), ALICE)
    assert 'id="passkey"' in page.text and 'id="otp"' not in page.text
    authenticator.verifies = False  # the password has told who it is
    found = claims(provider, use(browser, page, authenticator, "second_factor"))
    assert (found["acr"], found["amr"]) == (ACR_MFA, ["pwd", "pop", "user", "mfa"])


def test_the_second_step_offers_the_passkey_first_and_the_code_too(provider: Provider, browser: Browser) -> None:
    give_passkey(provider, BOB)
    provider.clock.advance(seconds=30)  # to a code that was not used yet
    page = browser.enter_password(browser.open(), BOB)
    assert 'id="passkey"' in page.text and 'id="use-recovery-code"' in page.text
    handle = hidden_fields(page)["request"]
    page = browser.get(f"/mfa?with=otp&request={handle}")
    assert 'id="use-passkey"' in page.text
    assert claims(provider, browser.enter_otp(page))["amr"] == ["pwd", "otp", "mfa"]


def test_a_passkey_that_a_browser_added_by_itself_demands_nothing(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider, demanded=False)
    assert claims(provider, browser.sign_in(ALICE))["amr"] == ["pwd"]
    assert claims(provider, use(browser, browser.open(prompt="login"), authenticator))["amr"] == ["pop", "user", "mfa"]


def test_a_passkey_in_a_second_tab_confirms_who_is_signed_in(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    use(browser, browser.open(), authenticator)
    provider.clock.advance(hours=1)
    found = claims(provider, use(browser, browser.open(prompt="login"), authenticator))
    assert found["amr"] == ["pop", "user", "mfa"]


def test_the_same_form_sent_twice_has_the_same_outcome(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    page = browser.open()
    answer = authenticator.get(ask(browser, page))
    first = browser.send(page, credential=answer, action="passkey")
    again = browser.send(page, credential=answer, action="passkey")
    assert code_of(first) == code_of(again)


def test_a_page_that_was_open_for_long_is_asked_again(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    page = browser.open()
    options = ask(browser, page)
    provider.clock.advance(minutes=5, seconds=1)
    late = browser.submit(page, credential=authenticator.get(options), action="passkey")
    assert error_of(late) == "That took too long. Please try your passkey again."
    assert provider.trail()[-1] == "passkey_challenge_over"
    assert code_of(use(browser, late, authenticator))


def test_a_removed_passkey_signs_in_no_more_and_its_page_lets_the_browser_forget_it(
    provider: Provider, browser: Browser
) -> None:
    authenticator = give_passkey(provider)
    provider.sql("DELETE FROM passkeys")
    page = use(browser, browser.open(), authenticator)
    assert error_of(page) == "This passkey cannot be used here. Please sign in another way."
    assert " data-unknown" in page.text
    assert provider.trail()[-1] == "passkey_failed"


def test_a_disabled_users_passkey_is_not_called_unknown(provider: Provider, browser: Browser) -> None:
    authenticator = give_passkey(provider)
    provider.sql("UPDATE users SET disabled_at = :now", now=str(provider.clock.now()))
    page = use(browser, browser.open(), authenticator)
    assert error_of(page) == "This passkey cannot be used here. Please sign in another way."
    assert " data-unknown" not in page.text  # it may be good again tomorrow


def test_an_issuer_without_a_host_name_offers_no_passkey(provider: Provider) -> None:
    other = provider.restarted(issuer="http://127.0.0.1:9000").browser()
    page = other.open()
    assert 'id="passkey"' not in page.text and "passkeys.js" not in page.text


def test_other_sites_of_ours_are_told_to_browsers(provider: Provider) -> None:
    other = provider.restarted(passkey_origins="https://company.example, https://shop.company.example:8443")
    assert other.http.get("/.well-known/webauthn").json() == {
        "origins": ["http://localhost:9000", "https://company.example", "https://shop.company.example:8443"]
    }


def test_a_passkey_used_at_another_site_of_ours_signs_in(provider: Provider) -> None:
    authenticator = give_passkey(provider)
    browser = provider.restarted(passkey_origins="https://company.example").browser()
    assert code_of(use(browser, browser.open(), authenticator, origin="https://company.example"))
