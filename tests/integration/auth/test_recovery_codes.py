"""Recovery codes at /mfa: each stands once for the second factor (ADR-0114)."""

from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select

from services.auth.accounts.recovery_codes import mint_recovery_codes
from services.auth.storage.tables import audit_events
from shared.testing import BOB as BOBS_ID
from tests.integration.auth.own_pages import notices
from tests.integration.auth.provider import Browser, Provider, answer_of, claims_of, code_of, error_of
from tests.integration.auth.seeds import BOB

WRONG = "The recovery code is wrong or was used before."


@pytest.fixture
def codes(provider: Provider) -> tuple[str, ...]:
    """The ten codes that bob has on paper."""
    return give_codes(provider)


def give_codes(provider: Provider) -> tuple[str, ...]:
    minted = mint_recovery_codes(provider.context.sign_in.encryption_keys)
    with provider.context.database.transaction() as stores:
        stores.recovery_codes.replace(UUID(BOBS_ID), minted.kept, provider.clock.now())
    return minted.shown


def recovery_page(browser: Browser) -> httpx2.Response:
    """Sign in with bob's password, and choose the recovery code."""
    page = browser.enter_password(browser.open(), BOB)
    if page.status_code != 200:
        return page
    link = page.text.split('id="use-recovery-code" href="')[1].split('"')[0].replace("&amp;", "&")
    return browser.get(link)


def typed(code: str) -> dict[str, str]:
    return {"recovery-code": code, "action": "verify"}


def left(provider: Provider) -> int:
    with provider.context.database.autocommit() as stores:
        return stores.recovery_codes.count(UUID(BOBS_ID))


def test_a_recovery_code_signs_in_once_and_is_told_by_mail(
    provider: Provider, browser: Browser, codes: tuple[str, ...]
) -> None:
    page = recovery_page(browser)
    assert 'id="recovery-code"' in page.text and 'id="otp"' not in page.text and 'id="use-otp"' in page.text
    tokens = provider.redeem(code_of(browser.submit(page, **typed(codes[3].upper()))))
    assert claims_of(tokens.json()["access_token"])["acr"] == "urn:company:acr:mfa"
    assert left(provider) == 9
    assert provider.events()[:3] == ["first_factor_accepted", "recovery_code_used", "signed_in"]
    with provider.database.autocommit() as db:
        [details] = db.execute(
            select(audit_events.c.details).where(audit_events.c.event == "recovery_code_used")
        ).scalars()
    assert details == {"left": 9} and notices(provider) == ["recovery_code_used"]


@pytest.mark.requirement("NIST63B-3.1.2", "ASVS-6.5.1")
def test_a_recovery_code_used_twice_is_refused(provider: Provider, browser: Browser, codes: tuple[str, ...]) -> None:
    browser.submit(recovery_page(browser), **typed(codes[0]))
    again = provider.browser("198.51.100.9")
    refused = again.submit(recovery_page(again), **typed(codes[0]))
    assert (refused.status_code, error_of(refused)) == (400, WRONG)
    assert 'id="recovery-code"' in refused.text, "at the form that it was typed into"
    assert provider.events()[-1] == "second_factor_failed" and left(provider) == 9
    assert "code" in answer_of(again.submit(refused, **typed(codes[1])))


def test_two_taps_on_one_code_are_one_sign_in(provider: Provider, browser: Browser, codes: tuple[str, ...]) -> None:
    page = recovery_page(browser)
    first = browser.submit(page, **typed(codes[0]))
    assert "code" in answer_of(first)
    assert answer_of(browser.submit(page, **typed(codes[0]))) == answer_of(first)
    assert left(provider) == 9 and provider.events().count("recovery_code_used") == 1


def test_wrong_recovery_codes_and_wrong_digits_share_one_budget(
    provider: Provider, browser: Browser, codes: tuple[str, ...]
) -> None:
    page = recovery_page(browser)
    for attempt in range(5):
        fields = typed("0000-0000-0000") if attempt % 2 else {"otp": "000000"}
        page = browser.submit(page, **fields)
        assert page.status_code == 400
    blocked = browser.submit(page, **typed(codes[0]))
    assert blocked.status_code == 429 and left(provider) == 10


def test_right_password_and_wrong_code_in_alternation_are_slowed(
    provider: Provider, browser: Browser, codes: tuple[str, ...]
) -> None:
    statuses = []
    for _ in range(8):
        page = recovery_page(browser)
        if page.status_code != 200:  # the password itself has to wait
            statuses.append(page.status_code)
            break
        statuses.append(browser.submit(page, **typed("zzzz-zzzz-zzzz")).status_code)
    assert 429 in statuses and statuses.index(429) <= 5, "a right password gives nothing back"
    assert left(provider) == len(codes)


def test_who_has_no_codes_is_told_how_else_to_get_in(browser: Browser) -> None:
    page = recovery_page(browser)
    assert page.status_code == 200 and "No recovery codes are left" in page.text
    assert 'id="use-otp"' in page.text and 'id="cancel"' in page.text
    refused = browser.submit(page, **typed("0000-0000-0000"))
    assert error_of(refused) == WRONG


def test_a_recovery_code_of_another_user_is_refused(provider: Provider, browser: Browser) -> None:
    minted = mint_recovery_codes(provider.context.sign_in.encryption_keys)
    with provider.context.database.transaction() as stores:
        user = stores.users.find_by_username("alice")
        assert user is not None
        stores.recovery_codes.replace(user.id, minted.kept, provider.clock.now())
    give_codes(provider)
    refused = browser.submit(recovery_page(browser), **typed(minted.shown[0]))
    assert error_of(refused) == WRONG and left(provider) == 10
