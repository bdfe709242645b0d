"""SSO_DEVICE: a credential that we mint for one user at a time, and take from nobody (ADR-0074)."""

from datetime import timedelta

from sqlalchemy import select

from services.auth.accounts.known_devices import DEVICE_LIFETIME, GRACE, LONGEST_COOKIE, MOST_USERS
from services.auth.opaque_token import LENGTH, digest
from services.auth.storage.tables import known_devices
from tests.integration.auth.provider import Browser, Provider, error_of
from tests.integration.auth.seeds import ALICE, BOB, CAROL

PLANTED = "A" * 43


def secrets_of(browser: Browser) -> list[str]:
    return browser.cookies["SSO_DEVICE"].split(".")


def remembered(provider: Provider) -> set[bytes]:
    with provider.database.autocommit() as db:
        return set(db.execute(select(known_devices.c.device_hash)).scalars())


def is_known(browser: Browser, who: tuple[str, str]) -> bool:
    """Report whether the browser gets in although everybody who is new to this network is made to wait."""
    provider = browser.provider
    attacker = provider.browser()
    page = attacker.open()
    for _ in range(7):
        page = attacker.enter_password(page, (who[0], "a wrong password"))
    assert error_of(page).startswith("Too many attempts")
    page = browser.enter_password(browser.open(prompt="login"), who)
    provider.sql("DELETE FROM failure_budgets")
    return page.status_code == 303 or 'id="otp"' in page.text


def plant(browser: Browser, value: str) -> None:
    browser.http.cookies.clear()
    browser.http.cookies.set("SSO_DEVICE", value)


def test_a_value_that_we_never_issued_is_remembered_for_nobody(provider: Provider) -> None:
    browser = provider.browser()
    plant(browser, PLANTED)
    browser.sign_in(ALICE)
    assert digest(PLANTED) not in remembered(provider)
    assert PLANTED not in secrets_of(browser)
    planter = provider.browser()
    plant(planter, PLANTED)
    assert not is_known(planter, ALICE)


def test_a_cookie_of_any_form_is_no_credential_and_no_error(provider: Provider) -> None:
    for value in ("x", ".", "." * 200, PLANTED[:-1], PLANTED + "x", f"{PLANTED}.{PLANTED}", "A" * 5000):
        browser = provider.browser()
        plant(browser, value)
        browser.sign_in(ALICE)
        assert len(secrets_of(browser)) == 1, value


def test_each_sign_in_renews_the_secret_and_the_one_before_is_good_for_a_day(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in(ALICE)
    (first,) = secrets_of(browser)
    browser.sign_in(ALICE, prompt="login")
    (second,) = secrets_of(browser)
    assert first != second
    lost_answer = provider.browser()
    plant(lost_answer, first)
    assert is_known(lost_answer, ALICE), "the answer with the new one may have been lost"
    provider.clock.advance(seconds=GRACE.total_seconds() + 1)
    thief = provider.browser()
    plant(thief, first)
    assert not is_known(thief, ALICE)
    assert is_known(browser, ALICE)


def test_a_browser_that_signs_in_every_year_stays_known_and_one_that_does_not_is_forgotten(
    provider: Provider,
) -> None:
    browser, idle = provider.browser(), provider.browser()
    browser.sign_in(ALICE)
    idle.sign_in(ALICE)
    for _ in range(2):
        provider.clock.advance(seconds=(DEVICE_LIFETIME - timedelta(days=1)).total_seconds())
        assert is_known(browser, ALICE)
    assert not is_known(idle, ALICE), "expired in the look-up: nothing has purged it"


def test_the_users_of_one_browser_have_a_secret_each(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in(ALICE)
    (alices,) = secrets_of(browser)
    browser.sign_in(CAROL, prompt="login")
    carols, kept = secrets_of(browser)
    assert kept == alices
    assert is_known(browser, ALICE) and is_known(browser, CAROL)
    only_carols = provider.browser()
    plant(only_carols, carols)
    assert not is_known(only_carols, ALICE)


def test_the_second_factor_is_tried_under_the_known_browsers_own_budget(provider: Provider) -> None:
    browser, attacker = provider.browser(), provider.browser()
    browser.sign_in(BOB)
    browser.http.cookies.delete("SSO_SESSION")
    page = attacker.enter_password(attacker.open(), BOB)
    for _ in range(12):
        page = attacker.enter_otp(page, "000000")
    assert error_of(page).startswith("Too many attempts")
    page = browser.enter_password(browser.open(), BOB)
    provider.clock.advance(seconds=31)
    assert "code=" in browser.enter_otp(page).headers["location"]


def test_a_cookie_of_ours_fits_the_bound_that_it_is_read_by() -> None:
    assert len(".".join([PLANTED] * MOST_USERS)) == LONGEST_COOKIE
    assert len(PLANTED) == LENGTH
