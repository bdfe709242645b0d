"""A step that is sent twice: a double tap, Enter and a click, a lost answer. The same browser gets the same answer.

Policy: ADR-0062
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx2
import pytest

from services.auth.revocation import end_user
from services.auth.tokens.end_reason import EndReason
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import (
    Browser,
    Provider,
    action_of,
    answer_of,
    bobs_otp,
    code_of,
    error_of,
    hidden_fields,
    says_signed_in,
    start,
    start_on,
)
from tests.integration.auth.seeds import ALICE, BOB, CAROL, PARTNER, PORTAL, seed
from tests.support.databases import migrated

Step = Callable[[Browser], tuple[httpx2.Response, dict[str, str]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    """A provider on each backend."""
    if request.param == "sqlite":
        provider = start(tmp_path, clock)
    else:
        url = request.getfixturevalue("postgres_database_url")
        database = migrated("auth", url)
        seed(database)
        database.dispose()
        provider = start_on(url, tmp_path, clock)
    yield provider
    stop(provider)


def _login(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    return browser.open(), {"username": ALICE[0], "password": ALICE[1], "action": "sign-in"}


def _login_before_a_second_factor(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    return browser.open(), {"username": BOB[0], "password": BOB[1], "action": "sign-in"}


def _mfa(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    return browser.enter_password(browser.open(), BOB), {"otp": bobs_otp(browser.provider.clock), "action": "verify"}


def _continue(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    browser.sign_in()
    return browser.open(), {"action": "continue", "intent": "shown"}


def _consent(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    return browser.sign_in(**PARTNER), {"action": "allow", "intent": "shown"}


def _deny(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    return browser.sign_in(**PARTNER), {"action": "deny"}


def _cancel(browser: Browser) -> tuple[httpx2.Response, dict[str, str]]:
    return browser.open(), {"action": "cancel"}


STEPS: dict[str, Step] = {
    "login": _login,
    "login before a second factor": _login_before_a_second_factor,
    "mfa": _mfa,
    "continue": _continue,
    "consent": _consent,
    "deny": _deny,
    "cancel": _cancel,
}


def tab_of(browser: Browser) -> Browser:
    """Return the same browser on a connection of its own, with the cookies that it has now."""
    other = browser.provider.browser()
    other.http.cookies.update(browser.http.cookies)
    return other


def sent(browser: Browser, page: httpx2.Response, fields: dict[str, str]) -> httpx2.Response:
    """Send the form; the answer alone."""
    return browser.http.post(action_of(page), data={**hidden_fields(page), **fields})


def where(browser: Browser, answer: httpx2.Response) -> str:
    """Follow an answer to its end: an address of the client, or a page of ours."""
    last = browser.follow(answer)
    return str(last.headers.get("location") or last.request.url)


@pytest.mark.parametrize("step", STEPS)
def test_two_taps_at_once_end_alike(either: Provider, step: str) -> None:
    """Both posts are on their way before either is answered; each is followed to its end by its own."""
    browser = either.browser()
    page, fields = STEPS[step](browser)
    taps, together = [tab_of(browser), tab_of(browser)], Barrier(2)

    def tap(tab: Browser) -> str:
        together.wait(timeout=10)
        return where(tab, sent(tab, page, fields))

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(tap, taps)
    assert first == second
    assert "error" not in first or step in {"deny", "cancel"}


@pytest.mark.parametrize("step", STEPS)
def test_a_second_tap_after_the_first_has_ended_ends_alike(either: Provider, step: str) -> None:
    browser = either.browser()
    page, fields = STEPS[step](browser)
    late = tab_of(browser)
    first = sent(browser, page, fields)
    end = where(browser, first)
    either.clock.advance(seconds=59)
    second = sent(late, page, fields)
    assert where(late, second) == end
    if step in {"login", "mfa"}:
        assert second.headers["location"] == first.headers["location"]
        assert late.cookies["SSO_SESSION"] == browser.cookies["SSO_SESSION"], "and it is signed in, whichever it keeps"


def test_one_code_is_issued_and_redeemed_once(either: Provider) -> None:
    browser = either.browser()
    page, fields = _login(browser)
    late = tab_of(browser)
    codes = [code_of(tab.follow(sent(tab, page, fields))) for tab in (browser, late)]
    assert codes[0] == codes[1]
    assert either.redeem(codes[0]).status_code == 200
    assert either.events().count("authorization_code_issued") == either.events().count("signed_in") == 1


def test_a_code_of_an_authenticator_that_the_first_tap_used_up_counts_as_no_failure(provider: Provider) -> None:
    browser = provider.browser()
    page, fields = _mfa(browser)
    late = tab_of(browser)
    assert "code" in answer_of(browser.follow(sent(browser, page, fields)))
    assert "code" in answer_of(late.follow(sent(late, page, fields)))
    assert "second_factor_failed" not in provider.events()


def test_after_a_minute_it_is_a_page_with_a_way_back(provider: Provider) -> None:
    browser = provider.browser()
    page, fields = _login(browser)
    late = tab_of(browser)
    browser.follow(sent(browser, page, fields))
    provider.clock.advance(seconds=60)
    assert says_signed_in(late.follow(sent(late, page, fields)))


# ---------------------------------------------------------------- attacks


def test_another_browser_never_gets_the_answer(provider: Provider) -> None:
    """Not with the form, not with the address, not with every cookie but the one that it is bound to."""
    victim, thief = provider.browser(), provider.browser()
    page, fields = _login(victim)
    victim.follow(sent(victim, page, fields))
    thief.open()
    handle = hidden_fields(page)["request"]
    for cookies in ({}, {"SSO_SESSION": victim.cookies["SSO_SESSION"], "SSO_DEVICE": victim.cookies["SSO_DEVICE"]}):
        thief.http.cookies.update(cookies)
        for answer in (sent(thief, page, fields), thief.get(f"/authorize?request={handle}")):
            assert error_of(answer) == "This sign-in was started in another browser."
            assert "set-cookie" not in answer.headers


def test_other_words_in_the_form_are_no_repeat(provider: Provider) -> None:
    """Somebody at the same browser who guesses is told neither that it was right before nor given its session."""
    browser = provider.browser()
    page = browser.open(**PARTNER)
    fields = {"username": ALICE[0], "password": ALICE[1], "action": "sign-in"}
    late = tab_of(browser)
    assert "SSO_SESSION" in sent(browser, page, fields).headers["set-cookie"]
    guess = sent(late, page, {**fields, "password": "a guess"})
    assert "set-cookie" not in guess.headers
    assert error_of(late.follow(guess)) == "The user name or the password is wrong."


def test_a_session_that_was_ended_is_not_given_out_again(provider: Provider) -> None:
    browser = provider.browser()
    page, fields = _login(browser)
    late = tab_of(browser)
    sent(browser, page, fields)
    provider.clock.advance(seconds=1)
    with provider.context.database.transaction() as stores:
        alice = stores.users.find_by_username("alice")
        assert alice is not None
        end_user(stores, alice.id, reason=EndReason.PASSWORD_CHANGED, origin=None, now=provider.clock.now())
    again = sent(late, page, fields)
    assert "set-cookie" not in again.headers
    assert error_of(late.follow(again)).startswith("This sign-in was ended, because the account")


def test_a_repeat_does_not_undo_a_newer_sign_in(provider: Provider) -> None:
    """The cookie of the repeat would be an old one: the browser keeps the newer."""
    browser = provider.browser()
    page, fields = _login(browser)
    late = tab_of(browser)
    browser.follow(sent(browser, page, fields))
    browser.sign_in(ALICE, prompt="login")
    assert "set-cookie" not in sent(late, page, fields).headers


def test_a_code_that_was_ended_meanwhile_is_worth_nothing(provider: Provider) -> None:
    browser = provider.browser()
    page, fields = _login(browser)
    late = tab_of(browser)
    browser.follow(sent(browser, page, fields))
    with provider.context.database.transaction() as stores:
        alice = stores.users.find_by_username("alice")
        assert alice is not None
        end_user(stores, alice.id, reason=EndReason.PASSWORD_CHANGED, origin=None, now=provider.clock.now())
    answer = late.follow(sent(late, page, fields))
    assert provider.redeem(code_of(answer)).status_code == 400


def test_the_database_holds_no_answer_in_clear(provider: Provider) -> None:
    browser = provider.browser()
    page, fields = _login(browser)
    code = code_of(browser.follow(sent(browser, page, fields)))
    with provider.database.autocommit() as db:
        rows: list[Any] = [
            *db.exec_driver_sql("SELECT * FROM step_answers"),
            *db.exec_driver_sql("SELECT * FROM waiting_requests"),
        ]
    kept = repr(rows)
    assert len(rows) == 3, "of the sign-in and of the request, and the request itself"
    for secret in (code, browser.cookies["SSO_SESSION"], browser.cookies["SSO_BROWSER"], ALICE[1]):
        assert secret not in kept and secret.encode().hex() not in kept


# ---------------------------------------------------------------- signing out


@pytest.mark.parametrize("action", ["confirm-logout", "logout-everywhere", "cancel"])
def test_two_taps_at_sign_out_end_alike(either: Provider, action: str) -> None:
    browser = either.browser()
    browser.sign_in(**PORTAL)
    page = browser.get("/logout")
    taps, together = [tab_of(browser), tab_of(browser)], Barrier(2)

    def tap(tab: Browser) -> httpx2.Response:
        together.wait(timeout=10)
        return sent(tab, page, {"action": action})

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(tap, taps))
    assert [answer.status_code for answer in answers] == [303, 303]
    seen = [tab.follow(answer).text for tab, answer in zip(taps, answers, strict=True)]
    assert seen[0] == seen[1]
    assert ('id="still-signed-in"' in seen[0]) == (action == "cancel")
    assert "This sign-out" not in seen[0]


def test_a_late_tap_at_sign_out_leaves_a_newer_sign_in_alone(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in(**PORTAL)
    page = browser.get("/logout")
    browser.http.post("/logout", data={**hidden_fields(page), "action": "confirm-logout"})
    browser.sign_in(CAROL, **PORTAL)
    browser.submit(page, action="confirm-logout")
    assert "code" in answer_of(browser.authorize(**PORTAL))
