"""response_mode: by the redirect's query, or by a form that posts itself (OAuth 2.0 Form Post Response Mode)."""

import html

import httpx2
import pytest

from tests.integration.auth.provider import (
    Browser,
    Provider,
    action_of,
    answer_of,
    claims_of,
    hidden_fields,
    says_signed_in,
)
from tests.integration.auth.seeds import ALICE, APP_LINK, DEEP_LINK, LOOPBACK

FORM_POST = {"redirect_uri": APP_LINK, "response_mode": "form_post"}


def posted(page: httpx2.Response, to: str = APP_LINK) -> dict[str, str]:
    """Return what the page's form would post to the client, after looking at the page."""
    assert page.status_code == 200, page.text
    assert html.unescape(action_of(page)) == to
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert "<form" in page.text and " data-post-back" in page.text, "what the script looks for"
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert page.headers["cache-control"] == "no-store" and page.headers["referrer-policy"] == "no-referrer"
    assert '<button id="back"' in page.text, "works without JavaScript"
    return hidden_fields(page)


@pytest.mark.requirement("FORMPOST-2")
def test_a_code_is_posted(provider: Provider, browser: Browser) -> None:
    page = browser.sign_in(**FORM_POST)
    answer = posted(page)
    assert set(answer) == {"code", "state", "iss"} and answer["state"] == "a state"
    assert answer["code"] not in str(page.headers)
    assert "form-action" not in page.headers["content-security-policy"]
    assert provider.redeem(answer["code"], redirect_uri=APP_LINK).status_code == 200


def test_errors_are_posted_too(browser: Browser) -> None:
    for page in (
        browser.authorize(**FORM_POST, prompt="none"),
        browser.authorize(**FORM_POST, scope="x"),
        browser.authorize(**FORM_POST, response_type="token"),
        browser.press(browser.open(**FORM_POST), "cancel"),
    ):
        answer = posted(page)
        assert set(answer) == {"error", "error_description", "state", "iss"}


def test_a_loopback_address_can_be_posted_to(browser: Browser) -> None:
    assert "code" in posted(browser.sign_in(redirect_uri=LOOPBACK, response_mode="form_post"), LOOPBACK)


@pytest.mark.parametrize("mode", ["fragment", "form_post", "query.jwt", "\u00e4", "x" * 8192])
def test_a_mode_that_cannot_be_is_told_by_the_query(refusing: Provider, mode: str) -> None:
    answer = answer_of(refusing.browser().authorize(redirect_uri=DEEP_LINK, response_mode=mode))
    assert answer["error"] == "invalid_request"


def test_a_state_cannot_break_out_of_the_form(browser: Browser) -> None:
    state = "\"'><script>alert(1)</script>&amp;\u00e4"
    page = browser.sign_in(**FORM_POST, state=state)
    assert posted(page)["state"] == state
    assert page.text.count("<script") == 1


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_long_states_and_nonces_come_back_intact(provider: Provider, browser: Browser, mode: str) -> None:
    state, nonce = "s~" * 64, "n-" * 192
    response = browser.sign_in(redirect_uri=APP_LINK, response_mode=mode, state=state, nonce=nonce)
    answer = posted(response) if mode == "form_post" else answer_of(response)
    assert answer["state"] == state
    tokens = provider.redeem(answer["code"], redirect_uri=APP_LINK).json()
    assert claims_of(tokens["id_token"])["nonce"] == nonce


def test_the_back_button_after_the_answer_breaks_nothing(browser: Browser) -> None:
    login = browser.open(**FORM_POST)
    answer = posted(browser.enter_password(login, ALICE))
    assert "code" in answer
    assert posted(browser.enter_password(login, ALICE)) == answer
    browser.provider.clock.advance(seconds=61)
    assert says_signed_in(browser.enter_password(login, ALICE))
