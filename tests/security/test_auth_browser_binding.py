"""No link, form or cookie lets one browser finish what another began (ADR-0007, RFC 9700 s4.7)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import (
    Browser,
    Provider,
    action_of,
    answer_of,
    bobs_otp,
    error_of,
    hidden_fields,
    start,
)
from tests.integration.auth.seeds import ALICE, APP_LINK, BOB, HTTPS_ISSUER

OVER = "This sign-in was started in another browser."
UNKNOWN = "This sign-in is not known here, or it was left a long time ago."
NO_COOKIES = "This browser sent no cookies, and signing in does not work without them."
BAD_FORM = "This form has expired or was not sent from our own page."


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


@pytest.fixture
def victim(provider: Provider) -> Browser:
    return provider.browser()


@pytest.fixture
def attacker(provider: Provider) -> Browser:
    return provider.browser(network="198.51.100.66", agent="Attacker")


@pytest.mark.parametrize("path", ["/authorize", "/login", "/mfa", "/continue"])
def test_a_link_from_another_browser_opens_no_step(victim: Browser, attacker: Browser, path: str) -> None:
    handle = hidden_fields(attacker.open())["request"]
    victim.sign_in()
    assert error_of(victim.get(f"{path}?request={handle}")) == OVER
    assert error_of(attacker.http.get(f"{path}?request={handle}x")) == UNKNOWN


def test_a_password_given_elsewhere_does_not_finish_the_attackers_request(victim: Browser, attacker: Browser) -> None:
    victim.open()
    form = {**hidden_fields(attacker.open()), "username": ALICE[0], "password": ALICE[1], "action": "sign-in"}
    assert error_of(victim.http.post("/login", data=form)) == OVER
    assert victim.provider.events() == [], "the password was not even tried"


def test_a_stolen_handle_after_the_password_gets_no_code(victim: Browser, attacker: Browser) -> None:
    """The step between password and code is the victim's alone."""
    login = victim.open()
    form = {**hidden_fields(login), "username": ALICE[0], "password": ALICE[1], "action": "sign-in"}
    back = victim.http.post(action_of(login), data=form).headers["location"]
    attacker.open()
    assert error_of(attacker.get(back)) == OVER
    assert "code" in answer_of(victim.get(back))


@pytest.mark.requirement("ASVS-6.6.2")
def test_the_second_factor_of_another_browsers_sign_in_cannot_be_given(victim: Browser, attacker: Browser) -> None:
    mfa = attacker.enter_password(attacker.open(), BOB)
    victim.open()
    form = {**hidden_fields(mfa), "otp": bobs_otp(victim.provider.clock), "action": "verify"}
    assert error_of(victim.http.post("/mfa", data=form)) == OVER
    assert "code" in answer_of(attacker.enter_otp(mfa)), "and the code was not used up"


@pytest.mark.requirement("OIDC-3.1.2.3")
@pytest.mark.parametrize("path", ["/login", "/mfa", "/continue"])
def test_a_form_needs_this_browsers_token_for_this_request(victim: Browser, attacker: Browser, path: str) -> None:
    mine, other = hidden_fields(victim.open()), hidden_fields(victim.open())
    foreign = hidden_fields(attacker.open())
    for csrf in (None, "", "x", "\u00e4", other["csrf"], foreign["csrf"], mine["csrf"][:-1]):
        form = {"request": mine["request"], "action": "cancel", **({} if csrf is None else {"csrf": csrf})}
        response = victim.http.post(path, data=form)
        assert (response.status_code, error_of(response)) == (400, BAD_FORM), csrf
    without_cookie = victim.provider.post(path, {**mine, "action": "cancel"})
    assert error_of(without_cookie) == NO_COOKIES
    assert answer_of(victim.http.post(path, data={**mine, "action": "cancel"}))["error"] == "access_denied"


def test_a_session_cookie_alone_continues_no_request_of_another_browser(victim: Browser, attacker: Browser) -> None:
    victim.sign_in()
    asked = victim.open()
    attacker.open()
    attacker.http.cookies.set("SSO_SESSION", victim.cookies["SSO_SESSION"])
    form = {**hidden_fields(asked), "action": "continue"}
    assert error_of(attacker.http.post("/continue", data=form)) == OVER


@pytest.mark.requirement("ASVS-7.2.4")
def test_a_cookie_planted_before_the_sign_in_is_worth_nothing_after_it(victim: Browser, attacker: Browser) -> None:
    """Session fixation."""
    attacker.sign_in(BOB)
    planted = attacker.cookies["SSO_SESSION"]
    victim.http.cookies.set("SSO_SESSION", planted)
    victim.sign_in(prompt="login")
    assert victim.cookies["SSO_SESSION"] != planted
    assert 'id="password"' in attacker.open(redirect_uri=APP_LINK).text, "and the planted session has ended"


@pytest.mark.requirement("ASVS-6.5.1")
def test_a_totp_code_seen_over_the_shoulder_cannot_be_used_again(victim: Browser, attacker: Browser) -> None:
    otp = bobs_otp(victim.provider.clock)
    assert "code" in answer_of(victim.enter_otp(victim.enter_password(victim.open(), BOB), otp))
    mfa = attacker.enter_password(attacker.open(), BOB)
    response = attacker.enter_otp(mfa, otp)
    assert (response.status_code, error_of(response)) == (400, "The code is wrong or was used before.")
    assert victim.provider.events()[-1] == "second_factor_failed"


@pytest.mark.requirement("ASVS-6.1.1")
def test_the_owner_of_a_known_browser_is_not_locked_out_by_guesses(victim: Browser, attacker: Browser) -> None:
    """OWASP ASVS 6.3.1: throttling must not be a lock-out weapon."""
    victim.sign_in()
    page = attacker.open()
    for _ in range(5):
        page = attacker.enter_password(page, ("alice", "guess"))
    blocked = attacker.enter_password(page, ALICE)
    assert blocked.status_code == 429 and blocked.headers["retry-after"] == "1"
    assert error_of(blocked) == "Too many attempts. Please try again in 1 second."
    assert "code" in answer_of(victim.sign_in(prompt="login"))
    victim.provider.clock.advance(seconds=1)
    assert "code" in answer_of(attacker.enter_password(blocked, ALICE)), "and nobody for longer than told"


@pytest.mark.requirement("ASVS-6.6.2")
def test_a_right_password_does_not_wipe_the_failures_of_the_second_factor(attacker: Browser) -> None:
    """Else a stolen password would buy endless guesses at the code."""
    statuses = []
    for _ in range(6):
        page = attacker.enter_password(attacker.open(), BOB)
        statuses.append(attacker.enter_otp(page, "000000").status_code if 'id="otp"' in page.text else page.status_code)
    assert statuses == [400] * 5 + [429]


def test_cookies_are_host_only_secure_and_hidden_from_scripts(tmp_path: Path, clock: SettableClock) -> None:
    provider = start(tmp_path, clock, issuer=HTTPS_ISSUER)
    browser = provider.browser()
    responses = [browser.authorize(redirect_uri=APP_LINK)]
    login = browser.follow(responses[0])
    form = {**hidden_fields(login), "username": ALICE[0], "password": ALICE[1], "action": "sign-in"}
    responses.append(browser.http.post("/login", data=form))
    cookies = [cookie for response in responses for cookie in response.headers.get_list("set-cookie")]
    names = {re.sub("(?<=SSO_BROWSER)_[0-9a-f]{16}", "", cookie.partition("=")[0]) for cookie in cookies}
    assert names == {"__Host-SSO_BROWSER", "__Host-SSO_SESSION", "__Host-SSO_DEVICE"}
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
        assert not any(attribute.startswith("domain") for attribute in attributes)
    plain = provider.browser()
    for name in ("SSO_SESSION", "SSO_BROWSER"):
        plain.http.cookies.set(name, browser.cookies[f"__Host-{name}"])
    assert 'id="password"' in plain.open(redirect_uri=APP_LINK).text, "names without the prefix count for nothing"
    stop(provider)


def test_cookies_on_plain_http_have_no_prefix_and_are_hidden_all_the_same(victim: Browser) -> None:
    cookie = victim.authorize().headers["set-cookie"].lower()
    assert cookie.startswith("sso_browser=") and "httponly" in cookie and "samesite=lax" in cookie
    assert "secure" not in cookie and "domain" not in cookie
