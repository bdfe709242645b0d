"""Floods of passwords: what they may cost, and whom they may keep out. Work is counted, never timed (ADR-0074)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select

from services.auth.accounts import password as passwords
from services.auth.accounts.failure_budget import network_budget
from services.auth.accounts.password import ACCOUNT_SHARE, NETWORK_SHARE
from services.auth.authorization import sign_in_steps
from services.auth.storage.tables import audit_events, browser_sessions
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, action_of, error_of, hidden_fields, start
from tests.integration.auth.seeds import ALICE, BOB, CAROL

FLOODED = "There were too many requests from your network. Please try again shortly."
WRONG = ("nobody-at-all", "a wrong password")
OFFICE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def _without_holding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.auth.rate_limits.pace._MOST_HELD", 0)


@pytest.fixture
def limited(tmp_path: Path, clock: SettableClock) -> Iterator[Callable[[str], Provider]]:
    """Yield what starts a provider with this limit of forms with a factor."""
    running: list[Provider] = []

    def begin(limit: str) -> Provider:
        running.append(start(tmp_path, clock, rate_limit_sign_in=limit))
        return running[-1]

    yield begin
    for provider in running:
        stop(provider)


def signed_in(answer: httpx2.Response) -> bool:
    return answer.status_code == 303 and "code=" in answer.headers["location"]


def flood(provider: Provider, network: str = OFFICE) -> int:
    """Send wrong passwords until the network is refused; return how many were heard."""
    browser = provider.browser(network)
    page, heard = browser.open(), 0
    while (page := browser.enter_password(page, WRONG)).status_code == 400 or error_of(page) != FLOODED:
        heard += 1
        page = browser.open()
    assert page.status_code == 429
    return heard


def test_known_browsers_with_the_right_password_get_in_while_their_own_address_floods_wrong_ones(
    limited: Callable[[str], Provider],
) -> None:
    provider = limited("20/hour")
    known = {who: provider.browser(OFFICE) for who in (ALICE, BOB, CAROL)}
    for who, browser in known.items():
        assert signed_in(browser.sign_in(who))
    flood(provider)
    for who, browser in known.items():
        provider.clock.advance(seconds=31)  # bob's code is good once
        browser.http.cookies.delete("SSO_SESSION")
        assert signed_in(browser.sign_in(who)), f"{who[0]} was kept out"
    fresh = provider.browser(OFFICE)
    assert error_of(fresh.enter_password(fresh.open(), ALICE)) == FLOODED, "a new browser there waits"
    assert signed_in(provider.browser(ELSEWHERE).sign_in(ALICE)), "a new browser elsewhere does not"


def test_a_known_browser_is_known_for_its_own_user_alone(limited: Callable[[str], Provider]) -> None:
    """Somebody with an account here must not guess at others past the limit."""
    provider = limited("20/hour")
    malorys = provider.browser(OFFICE)
    assert signed_in(malorys.sign_in(CAROL))
    flood(provider)
    assert error_of(malorys.enter_password(malorys.open(prompt="login"), ALICE)) == FLOODED
    forged = provider.browser(OFFICE)
    forged.http.cookies.set("SSO_DEVICE", "A" * 43)
    assert error_of(forged.enter_password(forged.open(), ALICE)) == FLOODED


Attack = Callable[[Browser, httpx2.Response], httpx2.Response]


def _post(page: httpx2.Response, browser: Browser, **changes: str) -> httpx2.Response:
    fields = {**hidden_fields(page), "username": "alice", "password": "x", "action": "sign-in", **changes}
    return browser.http.post(action_of(page), data=fields)


ATTACKS: dict[str, Attack] = {
    "a wrong csrf token": lambda browser, page: _post(page, browser, csrf="x" * 43),
    "an unknown handle": lambda browser, page: _post(page, browser, request="x" * 43),
    "a name over the bound": lambda browser, page: _post(page, browser, username="x" * 50_000),
    "combining marks": lambda browser, page: _post(page, browser, username="\u0300\u0316" * 5000),
    "a wrong password": lambda browser, page: _post(page, browser),
    "json": lambda browser, _page: browser.http.post("/login", json={}),
    "not utf-8": lambda browser, _page: browser.http.post(
        "/login", content=b"a=%ff", headers={"Content-Type": "application/x-www-form-urlencoded"}
    ),
    "a field twice": lambda browser, _page: browser.http.post("/login", data={"username": ["a", "b"]}),
    "nothing": lambda browser, _page: browser.http.post("/login"),
    "a code for nobody": lambda browser, _page: browser.http.post("/mfa", data={"otp": "123456"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_form_with_a_factor_is_counted_also_when_it_is_refused_before_the_password_is_looked_at(
    limited: Callable[[str], Provider], attack: str
) -> None:
    provider = limited("3/hour")
    browser = provider.browser(OFFICE)
    page = browser.open()
    for _ in range(3):
        assert ATTACKS[attack](browser, page).status_code != 429
    refused = ATTACKS[attack](browser, page)
    assert (refused.status_code, error_of(refused)) == (429, FLOODED)
    assert int(refused.headers["retry-after"]) > 0


def test_past_the_limit_a_form_is_not_even_parsed(
    limited: Callable[[str], Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = limited("3/hour")
    browser = provider.browser(OFFICE)
    page = browser.open()
    flood(provider)
    monkeypatch.setattr("services.auth.endpoints.web.page_request.form_parameters", None)
    assert _post(page, browser).status_code == 429


def test_a_right_password_in_thirty_connections_keeps_nobody_else_from_signing_in(
    limited: Callable[[str], Provider],
) -> None:
    """As many of alice's are being verified as one account may have: the rest of the queue is for others."""
    provider = limited("600/minute")
    known = provider.browser(OFFICE)
    assert signed_in(known.sign_in(ALICE))
    shares = {OFFICE: NETWORK_SHARE, network_budget("alice", OFFICE).value.hex(): ACCOUNT_SHARE}
    with ExitStack() as in_flight:
        for _ in range(ACCOUNT_SHARE):
            in_flight.enter_context(passwords._place(shares))
        more = provider.browser(OFFICE)
        refused = more.enter_password(more.open(), ALICE)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert signed_in(provider.browser(OFFICE).sign_in(CAROL))
        assert signed_in(known.sign_in(ALICE, prompt="login"))
        assert signed_in(provider.browser(ELSEWHERE).sign_in(ALICE))
    assert signed_in(more.enter_password(refused, ALICE)), "what was not verified did not count"


def test_right_passwords_of_one_account_are_bounded_too(limited: Callable[[str], Provider]) -> None:
    provider = limited("50/hour")  # an account's share of it is ten
    known = provider.browser(OFFICE)
    assert signed_in(known.sign_in(ALICE))
    outcomes = [signed_in(provider.browser(OFFICE).sign_in(ALICE)) for _ in range(11)]
    assert outcomes == [True] * 9 + [False] * 2
    browser = provider.browser(OFFICE)
    refused = browser.enter_password(browser.open(), ALICE)
    assert (refused.status_code, error_of(refused)) == (429, "Too many attempts. Please try again in 10 seconds.")
    assert signed_in(provider.browser(OFFICE).sign_in(CAROL))
    assert signed_in(known.sign_in(ALICE, prompt="login"))
    assert signed_in(provider.browser(ELSEWHERE).sign_in(ALICE))


def test_attempts_at_one_waiting_request_are_bounded_whatever_name_they_try(
    limited: Callable[[str], Provider],
) -> None:
    provider = limited("50/hour")
    browser = provider.browser(OFFICE)
    page = browser.open()
    for number in range(10):
        assert browser.enter_password(page, (f"name {number}", "x")).status_code == 400
    assert browser.enter_password(page, ("another name", "x")).status_code == 429


def test_a_users_live_sessions_are_capped_and_the_oldest_ends(
    limited: Callable[[str], Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_steps, "MOST_SESSIONS", 2)
    provider = limited("600/minute")
    first, second, third = (provider.browser() for _ in range(3))
    for browser in (first, second, third):
        provider.clock.advance(seconds=1)
        assert signed_in(browser.sign_in(ALICE))
        assert signed_in(browser.sign_in(ALICE, prompt="login")), "the same session, renewed"
    live = select(func.count()).select_from(browser_sessions).where(browser_sessions.c.ended_at.is_(None))
    with provider.database.autocommit() as db:
        assert db.execute(live).scalar_one() == 2
        ends = select(audit_events.c.details).where(audit_events.c.event == "session_ended")
        assert list(db.execute(ends).scalars()) == [{"reason": "too_many_sessions"}]
    portal = {"client_id": "portal", "redirect_uri": "https://portal.company.localhost/callback?tenant=1"}
    asked = {"scope": "openid crm:read", "prompt": "none", **portal}
    assert "error=login_required" in first.authorize(**asked).headers["location"]
    assert all(signed_in(browser.authorize(**asked)) for browser in (second, third))
