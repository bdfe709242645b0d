"""What a person ends by themself: browsers, apps, what they allowed; and what they read of their past."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.testing import SettableClock
from tests.integration.auth.account import act, done_of, ids_on, sign_in_to
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, code_of, oauth_error, start, start_on
from tests.integration.auth.seeds import ALICE, BOB, PARTNER, PARTNER_CALLBACK, seed
from tests.support.databases import migrated

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(params=["sqlite", "postgresql"])
def provider(request: pytest.FixtureRequest, tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    """A provider on each backend."""
    if request.param == "sqlite":
        running = start(tmp_path, clock)
    else:
        url = request.getfixturevalue("postgres_database_url")
        database = migrated("auth", url)
        seed(database)
        database.dispose()
        running = start_on(url, tmp_path, clock)
    yield running
    stop(running)


def signed_in(provider: Provider, who: tuple[str, str] = ALICE, **browser: str) -> Browser:
    made = provider.browser(**browser)
    sign_in_to(made, "/account", who)
    return made


@pytest.mark.requirement("ASVS-7.5.2")
def test_each_browser_is_shown_with_its_program_and_address_and_this_one_is_marked(provider: Provider) -> None:
    signed_in(provider, network="198.51.100.7", agent=FIREFOX)
    here = signed_in(provider)
    page = here.get("/account/sessions")
    assert page.text.index("This browser") < page.text.index("Firefox on Linux")
    assert "198.51.100.7" in page.text
    assert len(ids_on(page)) == 1


@pytest.mark.requirement("ASVS-7.5.2")
def test_a_browser_that_is_ended_has_to_sign_in_anew(provider: Provider) -> None:
    there, here = signed_in(provider), signed_in(provider)
    (other,) = ids_on(here.get("/account/sessions"))
    assert done_of(act(here, "/account/sessions", "end", id=other)) == "That browser is signed out."
    assert there.get("/account").headers["location"].startswith("/authorize?request=")
    assert here.get("/account").status_code == 200
    assert done_of(act(here, "/account/sessions", "end", id=other)) == "That browser was signed out before."
    assert "ended_by_user" in provider.events() or "session_ended" in provider.events()


def test_ending_all_others_leaves_this_browser_and_its_own_apps(provider: Provider) -> None:
    lost, here = provider.browser(), provider.browser()
    lost_app = provider.redeem(code_of(lost.sign_in(ALICE))).json()
    own_app = provider.redeem(code_of(here.sign_in(ALICE))).json()
    bobs = provider.sign_in(BOB)
    act(here, "/account/sessions", "end-others")
    assert oauth_error(provider.refresh(lost_app["refresh_token"])) == "invalid_grant"
    assert lost.get("/account").status_code == 303
    assert provider.refresh(own_app["refresh_token"]).status_code == 200
    assert provider.refresh(bobs["refresh_token"]).status_code == 200
    assert here.get("/account").status_code == 200


def test_a_code_that_waits_elsewhere_is_over_when_all_others_are_ended(provider: Provider) -> None:
    code = code_of(provider.browser().sign_in(ALICE))
    act(signed_in(provider), "/account/sessions", "end-others")
    assert oauth_error(provider.redeem(code)) == "invalid_grant"


@pytest.mark.requirement("ASVS-7.5.2")
def test_an_app_is_ended_by_its_row(provider: Provider) -> None:
    phone = provider.sign_in(ALICE)
    tablet = provider.sign_in(ALICE)
    here = signed_in(provider)
    rows = ids_on(here.get("/account/devices"))
    assert len(rows) == 2
    assert done_of(act(here, "/account/devices", "end", id=rows[0])) == "That app is signed out."
    answers = [provider.refresh(each["refresh_token"]).status_code for each in (phone, tablet)]
    assert sorted(answers) == [200, 400]
    assert done_of(act(here, "/account/devices", "end", id=rows[0])) == "That app was signed out before."
    assert done_of(act(here, "/account/devices", "end", id="no id")) == "That app was signed out before."


def consenting(provider: Provider, who: tuple[str, str]) -> tuple[Browser, str]:
    """Sign in at the partner's, allow what it asks for, and return the code."""
    browser = provider.browser()
    page = browser.enter_password(browser.open(**PARTNER), who)
    if who[0] == "bob":
        page = browser.enter_otp(page)
    return browser, code_of(browser.press(page, "allow"))


@pytest.mark.requirement("ASVS-7.5.2")
def test_a_consent_taken_back_ends_tokens_and_codes_at_once(provider: Provider) -> None:
    browser, code = consenting(provider, ALICE)
    tokens = provider.redeem_as_partner(code).json()
    second = code_of(browser.authorize(**PARTNER))
    page = browser.get("/account/apps")
    assert ids_on(page) == ["partner-web"]
    assert done_of(act(browser, "/account/apps", "withdraw", id="partner-web")).startswith("That application may do")
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    assert oauth_error(provider.redeem_as_partner(second)) == "invalid_grant"
    assert 'id="allow"' in browser.open(**PARTNER).text, "the next time it asks again"
    assert "You have allowed no application anything." in browser.get("/account/apps").text
    assert PARTNER["redirect_uri"] == PARTNER_CALLBACK


def test_what_was_never_allowed_is_not_withdrawn(provider: Provider) -> None:
    browser, code = consenting(provider, BOB)
    provider.redeem_as_partner(code)
    alice = signed_in(provider)
    for wanted in ("partner-web", "mobile-app", "no such client"):
        assert done_of(act(alice, "/account/apps", "withdraw", id=wanted)) == "That application was allowed nothing."
    assert ids_on(browser.get("/account/apps")) == ["partner-web"]


def test_activity_tells_of_ones_own_account_and_of_nobody_elses(provider: Provider) -> None:
    stranger = provider.browser(network="203.0.113.9")
    stranger.enter_password(stranger.open(), (ALICE[0], "a wrong one"))
    provider.sign_in(BOB)
    here = signed_in(provider)
    page = here.get("/account/activity").text
    assert "Somebody tried to sign in with a wrong password." in page
    assert "203.0.113.9" in page
    assert page.count("You signed in.") == 1
    assert "company:account" not in page


def test_activity_goes_back_page_by_page(provider: Provider) -> None:
    here = signed_in(provider)
    for _ in range(16):
        provider.sign_in(ALICE)
    first = here.get("/account/activity").text
    assert first.count("<time") == 30
    older = first.split('id="older" href="')[1].split('"')[0]
    second = here.get(older).text
    assert 0 < second.count("<time") <= 30
    assert "Nothing yet." not in second
    assert here.get("/account/activity?before=x").status_code == 200
