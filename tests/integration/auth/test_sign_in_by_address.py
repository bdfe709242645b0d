"""Sign-in by user name or verified e-mail address: one person, one budget (ADR-0090)."""

import pytest

from tests.integration.auth.provider import Browser, Provider, code_of, error_of

PASSWORD = "wonderland-tea-party"


@pytest.mark.parametrize(
    "typed", ["alice@company.localhost", " ALICE@Company.Localhost\u200b", "\uff41lice@company.localhost"]
)
def test_a_verified_address_signs_in_however_it_is_typed(browser: Browser, typed: str) -> None:
    assert code_of(browser.sign_in((typed, PASSWORD)))


def test_an_address_that_is_not_verified_signs_nobody_in(provider: Provider, browser: Browser) -> None:
    provider.sql("UPDATE users SET email_verified_at = NULL WHERE username = 'alice'")
    page = browser.sign_in(("alice@company.localhost", PASSWORD))
    assert error_of(page) == error_of(browser.sign_in(("alice", "wrong"))), "the same answer"


def test_a_user_name_goes_before_somebody_elses_address(provider: Provider, browser: Browser) -> None:
    provider.sql("UPDATE users SET username = 'alice@company.localhost' WHERE username = 'bob'")
    page = browser.enter_password(browser.open(), ("alice@company.localhost", "builder-yes-we-can"))
    assert 'id="mfa"' in page.text, "bob, whatever else has gone wrong"


def test_failures_by_either_name_are_counted_together(provider: Provider) -> None:
    for name in ("alice", "alice@company.localhost") * 3:
        page = provider.browser().sign_in((name, "wrong"))
    assert page.status_code == 429


def test_a_name_longer_than_any_is_not_normalised(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    page = browser.sign_in(("\u0301" * 10_800, PASSWORD))
    assert page.status_code == 400
    assert code_of(browser.sign_in(("alice", PASSWORD)))
