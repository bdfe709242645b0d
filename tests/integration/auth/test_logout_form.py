"""The pages of /logout: a person's own yes, from our own form, for the session that they saw."""

import pytest

from tests.integration.auth.logout_clients import CONFIRM, EVERYWHERE, asks, logout, says_signed_out, sign_in, signed_in
from tests.integration.auth.logout_seeds import BACK, RP
from tests.integration.auth.provider import Browser, Provider, error_of, hidden_fields
from tests.integration.auth.seeds import CAROL


def test_a_forged_confirmation_signs_nobody_out(provider: Provider, browser: Browser) -> None:
    """CSRF: neither without the token, nor with another browser's, nor with that of another request."""
    sign_in(browser)
    fields = hidden_fields(logout(browser))
    others = hidden_fields(logout(browser))
    stranger = provider.browser()
    sign_in(stranger, RP, CAROL)
    strangers = hidden_fields(logout(stranger))
    for forged in (
        {**fields, "csrf": "x"},
        {**fields, "csrf": others["csrf"]},
        {**fields, "csrf": strangers["csrf"]},
        strangers,
    ):
        refused = browser.http.post("/logout", data={**forged, **CONFIRM})
        assert refused.status_code == 400 and signed_in(browser)
    without = browser.http.post("/logout", data={"request": fields["request"], **CONFIRM})
    assert without.headers["location"].startswith("/logout?request=") and asks(browser.follow(without))
    assert signed_in(browser)


def test_the_page_was_about_another_session(browser: Browser) -> None:
    sign_in(browser)
    page = logout(browser)
    carol = browser.open(client_id=RP, redirect_uri="https://rp.example/callback", scope="openid", prompt="login")
    browser.enter_password(carol, CAROL)
    again = browser.submit(page, **CONFIRM)
    assert asks(again) and "carol" in again.text and signed_in(browser)


def test_everywhere_after_the_session_has_expired_does_not_claim_what_was_not_done(
    provider: Provider, browser: Browser
) -> None:
    """Whose apps were meant is not known any more: they live, the page says so, and nothing hides it by a redirect."""
    tokens = sign_in(browser)
    hint = sign_in(provider.browser())["id_token"]
    page = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BACK)
    provider.sql("UPDATE browser_sessions SET expires_at = created_at, idle_expires_at = created_at")
    answer = browser.submit(page, **EVERYWHERE)
    assert says_signed_out(answer)
    assert "so apps and other devices were not signed out by this" in answer.text
    assert f'href="{BACK}"' in answer.text
    assert provider.introspect(tokens["access_token"]).json()["active"] is True


def test_the_page_does_not_rule_where_its_form_may_lead(provider: Provider, browser: Browser) -> None:
    sign_in(browser)
    hint = sign_in(provider.browser())["id_token"]
    page = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BACK)
    assert asks(page) and "form-action" not in page.headers["content-security-policy"]


def test_an_address_that_was_withdrawn_meanwhile_is_not_gone_to(provider: Provider, browser: Browser) -> None:
    hint = sign_in(provider.browser())["id_token"]
    sign_in(browser)
    page = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BACK)
    provider.sql(
        "UPDATE clients SET metadata = json_remove(metadata, '$.post_logout_redirect_uris') WHERE client_id = 'rp'"
    )
    assert says_signed_out(browser.submit(page, **CONFIRM))


@pytest.mark.parametrize(
    "query",
    ["state=a&state=b", "id_token_hint=%00", "state=" + "x" * 4097, "post_logout_redirect_uri=%ff", "x=1&" * 101],
)
def test_what_cannot_be_read_is_a_page(browser: Browser, query: str) -> None:
    sign_in(browser)
    for page in (
        browser.get(f"/logout?{query}"),
        browser.http.post("/logout", content=query, headers={"Content-Type": "application/x-www-form-urlencoded"}),
        browser.http.post("/logout", json={}),
    ):
        assert page.status_code == 400 and error_of(page) == "The request could not be read."
    assert signed_in(browser)


def test_an_unknown_handle_is_a_page(browser: Browser) -> None:
    page = browser.get("/logout?request=nonsense")
    assert page.status_code == 400 and error_of(page).startswith("This sign-out is not known here")
