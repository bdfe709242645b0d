"""The pages of a sign-in: what a person meets, in one tab and in two (ADR-0007)."""

import threading

import pytest

from services.auth.accounts.password import verify_password
from services.auth.authorization import sign_in
from services.auth.revocation import end_user
from services.auth.tokens.end_reason import EndReason
from tests.integration.auth.provider import (
    Browser,
    Provider,
    action_of,
    answer_of,
    bobs_otp,
    claims_of,
    code_of,
    error_of,
    hidden_fields,
    says_signed_in,
)
from tests.integration.auth.seeds import ALICE, APP_LINK, BOB, CAROL, DEEP_LINK, LOOPBACK, PARTNER, PORTAL

EXPIRED = "This sign-in has expired, because it was left open for too long."
UNKNOWN_CLIENT = "The application that sent you here is not known."
WRONG = "The user name or the password is wrong."


def test_the_whole_flow_with_a_password(provider: Provider, browser: Browser) -> None:
    login = browser.open(login_hint="ali<ce>")
    assert 'value="ali&lt;ce&gt;"' in login.text, "prefilled, escaped"
    wrong = browser.enter_password(login, ("alice", "guess"))
    assert (wrong.status_code, error_of(wrong)) == (400, WRONG)
    answer = answer_of(browser.enter_password(wrong, ALICE))
    assert (answer["state"], answer["iss"]) == ("a state", "http://localhost:9000")
    assert provider.redeem(answer["code"]).status_code == 200
    assert provider.events() == [
        "sign_in_failed",
        "signed_in",
        "authorization_code_issued",
        "authorization_code_redeemed",
    ]


def test_the_whole_flow_with_a_second_factor(provider: Provider, browser: Browser) -> None:
    mfa = browser.enter_password(browser.open(), BOB)
    assert 'id="otp"' in mfa.text and 'autocomplete="one-time-code"' in mfa.text
    assert "SSO_SESSION" not in browser.cookies, "no session before the second factor"
    wrong = browser.enter_otp(mfa, "000000")
    assert (wrong.status_code, error_of(wrong)) == (400, "The code is wrong or was used before.")
    otp = bobs_otp(provider.clock)
    assert "code" in answer_of(browser.enter_otp(wrong, f"{otp[:3]} {otp[3:]}"))
    assert provider.events() == [
        "first_factor_accepted",
        "second_factor_failed",
        "signed_in",
        "authorization_code_issued",
    ]


@pytest.mark.requirement("ASVS-6.3.8")
@pytest.mark.parametrize("who", [("nobody", "x"), ("alice", "x"), ("alice", ""), ("", ""), ("alice", "x" * 2000)])
def test_unknown_user_and_wrong_password_get_one_answer(provider: Provider, who: tuple[str, str]) -> None:
    """OWASP ASVS 6.3.8"""
    browser = provider.browser()
    response = browser.enter_password(browser.open(), who)
    assert (response.status_code, error_of(response)) == (400, WRONG)
    assert provider.events() == ["sign_in_failed"]


@pytest.mark.requirement("ASVS-6.3.8")
def test_a_disabled_user_gets_the_same_answer(provider: Provider, browser: Browser) -> None:
    provider.sql("UPDATE users SET disabled_at = '2030-01-01 00:00:00' WHERE username = 'alice'")
    assert error_of(browser.enter_password(browser.open(), ALICE)) == WRONG


@pytest.mark.parametrize("expanding", ["\ufdfa" * 1024, "\U0001fad6" * 1024])
def test_a_password_that_normalisation_expands_is_wrong(browser: Browser, expanding: str) -> None:
    assert error_of(browser.enter_password(browser.open(), ("alice", expanding))) == WRONG


def test_a_full_password_queue_is_503_and_counts_as_no_failure(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.BoundedSemaphore(1)
    login = browser.open()
    with monkeypatch.context() as patched, full:
        patched.setattr("services.auth.accounts.password._admitted", full)
        for _ in range(10):
            refused = browser.enter_password(login, ALICE)
            assert refused.status_code == 503 and refused.headers["retry-after"] == "2"
    assert "code" in answer_of(browser.enter_password(refused, ALICE))


def test_user_names_may_be_typed_in_any_case(browser: Browser) -> None:
    assert "code" in answer_of(browser.enter_password(browser.open(), (" ALICE ", ALICE[1])))


@pytest.mark.parametrize("uri", [DEEP_LINK, LOOPBACK, APP_LINK])
def test_cancelling_ends_in_access_denied(browser: Browser, uri: str) -> None:
    login = browser.open(redirect_uri=uri)
    response = browser.submit(login, action="cancel")
    assert response.headers["location"].startswith(f"{uri}?error=access_denied&")
    answer = answer_of(response)
    assert (answer["state"], answer["iss"]) == ("a state", "http://localhost:9000")
    assert browser.enter_password(login, ALICE).headers["location"] == response.headers["location"], "that was answered"


def test_cancelling_works_at_every_step(browser: Browser) -> None:
    mfa = browser.enter_password(browser.open(), BOB)
    assert answer_of(browser.submit(mfa, action="cancel"))["error"] == "access_denied"
    browser.sign_in()
    assert answer_of(browser.submit(browser.open(), action="cancel"))["error"] == "access_denied"


def test_a_finished_request_cannot_be_gone_back_to(browser: Browser) -> None:
    login = browser.open()
    handle = hidden_fields(login)["request"]
    assert "code" in answer_of(browser.enter_password(login, ALICE))
    browser.provider.clock.advance(seconds=61)
    assert says_signed_in(browser.enter_password(login, ALICE)), "the form sent again"
    for path in ("/authorize", "/login", "/mfa", "/continue"):
        assert says_signed_in(browser.get(f"{path}?request={handle}")), path


def test_a_request_waits_for_fifteen_minutes(provider: Provider, browser: Browser) -> None:
    login = browser.open()
    provider.clock.advance(minutes=14, seconds=59)
    assert 'id="password"' in browser.follow(browser.get(f"/login?request={hidden_fields(login)['request']}")).text
    provider.clock.advance(seconds=1)
    assert error_of(browser.enter_password(login, ALICE)) == EXPIRED


def test_steps_that_are_not_next_lead_back(browser: Browser) -> None:
    handle = hidden_fields(browser.open())["request"]
    for path in ("/mfa", "/continue"):
        response = browser.get(f"{path}?request={handle}")
        assert (response.status_code, response.headers["location"]) == (303, f"/authorize?request={handle}")


@pytest.mark.requirement("ASVS-6.3.3")
def test_the_second_factor_cannot_be_skipped(browser: Browser) -> None:
    mfa = browser.enter_password(browser.open(), BOB)
    handle = hidden_fields(mfa)["request"]
    assert 'id="otp"' in browser.follow(browser.get(f"/authorize?request={handle}")).text
    assert 'id="otp"' in browser.follow(browser.get(f"/continue?request={handle}")).text
    fields = {**hidden_fields(mfa), "action": "continue"}
    assert 'id="otp"' in browser.follow(browser.http.post("/continue", data=fields)).text
    assert 'id="password"' in browser.open(redirect_uri=APP_LINK).text, "nor is another request answered"


def test_somebody_else_may_sign_in_at_the_second_step(browser: Browser) -> None:
    mfa = browser.enter_password(browser.open(), BOB)
    login = browser.get(f"/login?request={hidden_fields(mfa)['request']}")
    assert "code" in answer_of(browser.enter_password(login, ALICE))


# ---------------------------------------------------------------- two tabs


def test_two_tabs_go_on_independently(provider: Provider, browser: Browser) -> None:
    first, second = browser.open(state="one"), browser.open(state="two")
    one = answer_of(browser.enter_password(first, ALICE))
    two = answer_of(browser.enter_password(second, ALICE))
    assert (one["state"], two["state"]) == ("one", "two")
    sids = {claims_of(provider.redeem(answer["code"]).json()["id_token"])["sid"] for answer in (one, two)}
    assert len(sids) == 1, "the same user keeps the session"


def test_a_tab_that_waited_learns_of_the_sign_in_in_the_other(browser: Browser) -> None:
    waiting = browser.open(**PORTAL)
    browser.sign_in()
    link = f"/authorize?request={hidden_fields(waiting)['request']}"
    assert "code" in answer_of(browser.follow(browser.get(link)))


def test_the_yes_counts_for_the_user_that_the_page_named(provider: Provider, browser: Browser) -> None:
    browser.sign_in(ALICE)
    asked = browser.open()
    assert "Alice Liddell" in asked.text
    browser.sign_in(CAROL, prompt="login")
    asked_again = browser.submit(asked, action="continue")
    assert "Carol Ledger" in asked_again.text
    code = code_of(browser.submit(asked_again, action="continue"))
    claims = claims_of(provider.redeem(code).json()["id_token"])
    assert provider.userinfo(provider.sign_in(CAROL)["access_token"]).json()["sub"] == claims["sub"]


# ---------------------------------------------------------------- sessions


@pytest.mark.requirement("ASVS-7.2.4")
def test_the_session_cookie_is_new_at_every_authentication_and_the_sid_stays(
    provider: Provider, browser: Browser
) -> None:
    """OWASP ASVS 7.2.4"""
    first = claims_of(provider.redeem(code_of(browser.sign_in())).json()["id_token"])
    before = browser.cookies["SSO_SESSION"]
    provider.clock.advance(minutes=1)
    second = claims_of(provider.redeem(code_of(browser.sign_in(prompt="login"))).json()["id_token"])
    assert browser.cookies["SSO_SESSION"] != before
    assert second["sid"] == first["sid"] and second["auth_time"] == first["auth_time"] + 60
    stale = provider.browser()
    stale.http.cookies.set("SSO_SESSION", before)
    assert 'id="password"' in stale.open(redirect_uri=APP_LINK).text, "the old cookie opens nothing"


def test_another_user_ends_the_first_ones_session(provider: Provider, browser: Browser) -> None:
    alice = claims_of(provider.redeem(code_of(browser.sign_in())).json()["id_token"])
    before = browser.cookies["SSO_SESSION"]
    carol = claims_of(provider.redeem(code_of(browser.sign_in(CAROL, prompt="login"))).json()["id_token"])
    assert carol["sid"] != alice["sid"] and carol["sub"] != alice["sub"]
    stale = provider.browser()
    stale.http.cookies.set("SSO_SESSION", before)
    assert 'id="password"' in stale.open(redirect_uri=APP_LINK).text


@pytest.mark.requirement("ASVS-7.3.1")
@pytest.mark.parametrize(("hours", "asked"), [(11.9, False), (12, True)])
def test_a_session_ends_twelve_hours_unused(provider: Provider, browser: Browser, hours: float, asked: bool) -> None:
    browser.sign_in()
    provider.clock.advance(hours=hours)
    response = browser.open(redirect_uri=APP_LINK)
    assert ('id="password"' in response.text) is asked


@pytest.mark.requirement("ASVS-7.3.1")
def test_a_session_ends_after_seven_days_of_use(provider: Provider, browser: Browser) -> None:
    browser.sign_in()
    for _ in range(15):
        provider.clock.advance(hours=11)
        assert "code" in answer_of(browser.open(**PORTAL))
    provider.clock.advance(hours=3)
    assert 'id="password"' in browser.open(redirect_uri=APP_LINK).text


def test_a_session_from_before_tokens_valid_from_is_over(provider: Provider, browser: Browser) -> None:
    browser.sign_in()
    provider.sql("UPDATE users SET tokens_valid_from = '2030-01-01 12:00:00.000001' WHERE username = 'alice'")
    assert 'id="password"' in browser.open(redirect_uri=APP_LINK).text


@pytest.mark.requirement("RFC9700-4.12")
def test_every_redirect_of_a_step_is_a_303(browser: Browser) -> None:
    """RFC 9700 s4.12: a 307 would post the password on."""
    login = browser.open()
    form = {**hidden_fields(login), "username": ALICE[0], "password": ALICE[1], "action": "sign-in"}
    response = browser.http.post(action_of(login), data=form)
    assert response.status_code == 303 and response.headers["cache-control"] == "no-store"
    assert browser.get(response.headers["location"]).status_code == 303


@pytest.mark.requirement("RFC9700-4.12")
def test_the_later_steps_answer_their_forms_by_303_too(browser: Browser) -> None:
    mfa = browser.enter_password(browser.open(), BOB)
    verify = {"otp": bobs_otp(browser.provider.clock), "action": "verify"}
    assert browser.http.post("/mfa", data={**hidden_fields(mfa), **verify}).status_code == 303
    for path, action, request in (("/continue", "continue", {}), ("/consent", "allow", PARTNER)):
        page = browser.open(**request)
        assert f'id="{action}"' in page.text
        answer = browser.http.post(path, data={**hidden_fields(page), "action": action})
        assert answer.status_code == 303, path


@pytest.mark.requirement("RFC9700-4.11.2")
def test_an_address_that_was_deregistered_meanwhile_gets_no_answer(provider: Provider) -> None:
    browser = provider.browser()
    page = browser.open(redirect_uri=APP_LINK)
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.redirect_uris', json(:uris)) WHERE client_id = :client_id",
        client_id="mobile-app",
        uris='["myapp://callback"]',
    )
    answer = browser.submit(page, username="", password="", action="cancel")
    assert (answer.status_code, error_of(answer)) == (400, UNKNOWN_CLIENT)


def test_a_password_that_is_changed_while_it_is_verified_opens_nothing(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old password was right when the work began; what it would have left behind is a first factor."""
    thief = provider.browser()
    page = thief.open()

    def verify_while_it_changes(password: str, password_hash: str | None, *_: object) -> bool:
        right = verify_password(password, password_hash)
        provider.clock.advance(seconds=1)
        with provider.context.database.transaction() as stores:
            bob = stores.users.find_by_username("bob")
            assert bob is not None
            end_user(stores, bob.id, reason=EndReason.PASSWORD_CHANGED, origin=None, now=provider.clock.now())
        return right

    monkeypatch.setattr(sign_in, "verify_password", verify_while_it_changes)
    page = thief.enter_password(page, BOB)
    assert error_of(page) == WRONG
    assert thief.get(f"/mfa?request={hidden_fields(page)['request']}").headers["location"].startswith("/authorize")
