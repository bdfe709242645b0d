"""Attacks on the account pages, by name: another's rows, another's token, a frame, a stolen cookie, an old session.

Policy: ADR-0118, ADR-0119; Spec: OWASP ASVS 3.5.1, 7.2.4, 8.2.2, RFC 9700 s4.16
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.auth.app import ENDPOINTS
from shared.testing import SettableClock
from tests.integration.auth.account import PAGES, act, done_of, form_token, ids_on, sign_in_to
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, error_of, start
from tests.integration.auth.seeds import ALICE, BOB, CAROL

#: What each form of the account would do.
FORMS = {
    "/account/sessions": {"action": "end-others"},
    "/account/devices": {"action": "end", "id": "00000000-0000-4000-8000-000000000000"},
    "/account/apps": {"action": "withdraw", "id": "partner-web"},
    "/account/profile": {"action": "save-name", "display-name": "Mallory"},
    "/account/email": {"action": "send-verification", "email": "mallory@evil.example"},
    "/account/lost-phone": {"action": "confirm-lost-phone"},
}


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


def signed_in(provider: Provider, who: tuple[str, str] = ALICE) -> Browser:
    browser = provider.browser()
    sign_in_to(browser, "/account", who)
    return browser


def test_every_form_of_the_account_that_is_ours_is_attacked_here() -> None:
    ours = {"/account/sessions", "/account/devices", "/account/apps", "/account/profile", "/account/email"}
    built = {each.path for each in ENDPOINTS if "POST" in each.handlers and each.path.startswith("/account/")}
    assert ours | {"/account/lost-phone"} == set(FORMS) <= built


@pytest.mark.requirement("ASVS-8.2.2")
def test_another_users_session_is_not_ended_by_its_id(provider: Provider) -> None:
    carol, alice = signed_in(provider, CAROL), signed_in(provider)
    carols = signed_in(provider, CAROL)
    (wanted,) = ids_on(carol.get("/account/sessions"))
    assert done_of(act(alice, "/account/sessions", "end", id=wanted)) == "That browser was signed out before."
    assert carols.get("/account").status_code == 200
    assert carol.get("/account").status_code == 200


@pytest.mark.requirement("ASVS-8.2.2")
def test_another_users_app_is_not_ended_by_its_id(provider: Provider) -> None:
    tokens = provider.sign_in(CAROL)
    (wanted,) = ids_on(signed_in(provider, CAROL).get("/account/devices"))
    answer = act(signed_in(provider), "/account/devices", "end", id=wanted)
    assert done_of(answer) == "That app was signed out before."
    assert provider.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", ["none", "wrong", "of another user", "of another session of the same user"])
def test_a_form_without_its_own_sessions_token_does_nothing(provider: Provider, path: str, token: str) -> None:
    victim = signed_in(provider)
    tokens = {
        "none": "",
        "wrong": "A" * 43,
        "of another user": form_token(signed_in(provider, BOB)),
        "of another session of the same user": form_token(signed_in(provider)),
    }
    sent = {**FORMS[path], "csrf": tokens[token]}
    before = len(provider.trail())
    answer = victim.http.post(path, data={name: value for name, value in sent.items() if value})
    assert error_of(answer) == "This form has expired or was not sent from our own page."
    assert set(provider.trail()[before:]) <= {"page_bad_form"}
    assert victim.get("/account").status_code == 200


@pytest.mark.parametrize("path", FORMS)
def test_a_form_from_another_site_comes_without_the_cookie_and_does_nothing(provider: Provider, path: str) -> None:
    token = form_token(signed_in(provider))
    stranger = provider.browser()
    answer = stranger.http.post(path, data={**FORMS[path], "csrf": token})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/authorize?request=")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_of_the_account_is_shown_in_a_frame_or_kept(provider: Provider, path: str) -> None:
    shown = signed_in(provider).get(path)
    if "text/html" not in shown.headers.get("content-type", ""):
        return  # takes posts alone
    assert shown.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
    assert shown.headers["cross-origin-opener-policy"] == "same-origin"
    assert shown.headers["cache-control"] == "no-store"


def test_a_cookie_stolen_before_sign_out_opens_nothing_after_it(provider: Provider) -> None:
    browser = signed_in(provider)
    stolen = browser.cookies["SSO_SESSION"]
    browser.press(browser.get("/logout"), "confirm-logout")
    thief = provider.browser()
    thief.http.cookies.set("SSO_SESSION", stolen)
    assert thief.get("/account").headers["location"].startswith("/authorize?request=")
    assert 'id="username"' in thief.follow(thief.get("/account")).text


@pytest.mark.requirement("ASVS-7.2.4")
def test_the_cookie_from_before_a_sign_in_opens_nothing_after_it(provider: Provider) -> None:
    browser = signed_in(provider)
    planted = browser.cookies["SSO_SESSION"]
    browser.enter_password(browser.open(prompt="login"), ALICE)
    assert browser.cookies["SSO_SESSION"] != planted
    thief = provider.browser()
    thief.http.cookies.set("SSO_SESSION", planted)
    assert thief.get("/account/sessions").status_code == 303


def test_a_planted_cookie_becomes_nobodys_session(provider: Provider) -> None:
    victim = provider.browser()
    victim.http.cookies.set("SSO_SESSION", "A" * 43)
    sign_in_to(victim, "/account", ALICE)
    thief = provider.browser()
    thief.http.cookies.set("SSO_SESSION", "A" * 43)
    assert thief.get("/account").status_code == 303


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\u202eb", "\x00", "x" * 5000, " "], ids=repr)
def test_a_name_is_shown_as_text_or_refused(provider: Provider, name: str) -> None:
    browser = signed_in(provider)
    sent = {"csrf": form_token(browser), "display-name": name, "action": "save-name"}
    answer = browser.http.post("/account/profile", data=sent)
    assert answer.status_code in {303, 400}
    assert "<script>alert" not in browser.get("/account").text
    assert "\u202e" not in browser.get("/account").text


def test_an_agent_is_shown_as_text(provider: Provider) -> None:
    browser = provider.browser(agent="<script>alert(1)</script>")
    sign_in_to(browser, "/account", ALICE)
    assert "<script>alert" not in browser.get("/account/sessions").text
    assert "&lt;script&gt;" in browser.get("/account/sessions").text
