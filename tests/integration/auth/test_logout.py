"""RP-initiated logout: each module of the certification plan, and what a link must not do to a stranger.

Spec: OpenID Connect RP-Initiated Logout s2 to s5
"""

import base64
import json
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.auth.logout_clients import (
    CONFIRM,
    EVERYWHERE,
    asks,
    logout,
    queued,
    says_signed_out,
    sign_in,
    signed_in,
)
from tests.integration.auth.logout_seeds import BACK, BACK_WITH_QUERY, OTHER_RP, RP, SCHEME_BACK, STATE
from tests.integration.auth.provider import Browser, Provider, claims_of, error_of
from tests.integration.auth.seeds import CAROL


def parameters_of(response: httpx2.Response, back: str) -> list[tuple[str, str]]:
    """Return what a redirect to `back` adds to it."""
    assert response.status_code == 303, response.text
    location = response.headers["location"]
    assert location.startswith(back), location
    added = urlsplit(location).query.removeprefix(urlsplit(back).query).removeprefix("&")
    return parse_qsl(added, strict_parsing=bool(added), keep_blank_values=True)


# ---------------------------------------------------------------- the plan, module by module


@pytest.mark.parametrize("back", [BACK, BACK_WITH_QUERY])
def test_hint_address_and_state_lead_straight_back_with_the_state_and_nothing_else(browser: Browser, back: str) -> None:
    hint = sign_in(browser)["id_token"]
    response = logout(browser, id_token_hint=hint, post_logout_redirect_uri=back, state=STATE)
    assert parameters_of(response, back) == [("state", STATE)]
    assert (response.headers["cache-control"], response.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "SSO_SESSION" not in browser.cookies
    assert not signed_in(browser), "prompt=none is login_required"


def test_without_a_state_none_comes_back(browser: Browser) -> None:
    hint = sign_in(browser)["id_token"]
    response = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BACK, ui_locales="de", logout_hint="alice")
    assert response.headers["location"] == BACK


def test_an_expired_hint_is_fine(provider: Provider, browser: Browser) -> None:
    hint = sign_in(browser)["id_token"]
    provider.clock.advance(hours=2)
    assert logout(browser, id_token_hint=hint, post_logout_redirect_uri=BACK).headers["location"] == BACK


def test_without_an_address_it_ends_on_a_page(browser: Browser) -> None:
    hint = sign_in(browser)["id_token"]
    page = logout(browser, id_token_hint=hint, state="x")
    assert says_signed_out(page) and "the request names no return address" in page.text and not signed_in(browser)


@pytest.mark.parametrize("parameters", [{}, {"state": "x"}, {"post_logout_redirect_uri": BACK, "state": "x"}])
def test_without_a_hint_it_asks_and_never_redirects(browser: Browser, parameters: dict[str, str]) -> None:
    sign_in(browser)
    page = logout(browser, **parameters)
    assert asks(page) and signed_in(browser)
    after = browser.submit(page, **CONFIRM)
    assert says_signed_out(after) and not signed_in(browser)
    assert BACK not in after.text


def test_a_client_that_is_only_named_gets_a_link_and_no_redirect(browser: Browser) -> None:
    sign_in(browser)
    page = logout(browser, client_id=RP, post_logout_redirect_uri=BACK, state="x&y")
    assert asks(page)
    after = browser.submit(page, **CONFIRM)
    assert says_signed_out(after) and f'href="{BACK}?state=x%26y">' in after.text


def unsigned(hint: str) -> str:
    _, payload, _ = hint.split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    return f"{header}.{payload}."


def foreign(hint: str) -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return jwt.encode(claims_of(hint), key, "RS256", headers={"kid": jwt.get_unverified_header(hint)["kid"]})


def modified(hint: str) -> str:
    header, payload, signature = hint.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "extra": 1}).encode()).decode().rstrip("=")
    return f"{header}.{forged}.{signature}"


@pytest.mark.parametrize("spoil", [unsigned, foreign, modified, lambda hint: hint[:-40], lambda hint: hint[40:]])
def test_a_bad_hint_signs_nobody_out_and_never_redirects(browser: Browser, spoil: Callable[[str], str]) -> None:
    hint = sign_in(browser)["id_token"]
    page = logout(browser, id_token_hint=spoil(hint), client_id=RP, post_logout_redirect_uri=BACK, state="x")
    assert asks(page) and signed_in(browser)
    after = browser.submit(page, **CONFIRM)
    assert says_signed_out(after) and "proof of your sign-in" in after.text and BACK not in after.text


def test_an_access_token_is_no_hint(browser: Browser) -> None:
    tokens = sign_in(browser)
    assert asks(logout(browser, id_token_hint=tokens["access_token"], post_logout_redirect_uri=BACK))


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        f"{BACK}?extra=1",
        f"{BACK}/",
        f"{BACK}#x",
        BACK.upper(),
        f"{BACK_WITH_QUERY}&extra=1",
        "https://rp.example/callback",
        "https://other-rp.example/signed-out",
        "//evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
    ],
)
def test_an_unregistered_address_ends_on_a_page_and_is_never_gone_to(browser: Browser, address: str) -> None:
    hint = sign_in(browser)["id_token"]
    page = logout(browser, id_token_hint=hint, post_logout_redirect_uri=address, state="x")
    assert says_signed_out(page) and "the return address is not registered" in page.text
    assert address not in page.text and 'id="return"' not in page.text


def test_the_hint_of_one_client_with_the_name_of_another_is_a_bad_one(browser: Browser) -> None:
    hint = sign_in(browser)["id_token"]
    assert asks(logout(browser, id_token_hint=hint, client_id=OTHER_RP, post_logout_redirect_uri=BACK))
    assert logout(browser, id_token_hint=hint, client_id=RP, post_logout_redirect_uri=BACK).status_code == 303


def test_a_custom_scheme_and_the_post_method_work_too(browser: Browser) -> None:
    hint = sign_in(browser, "rp-app")["id_token"]
    form = {"id_token_hint": hint, "post_logout_redirect_uri": SCHEME_BACK, "state": STATE}
    stored = browser.http.post("/logout", data=form)
    assert stored.status_code == 303 and stored.headers["location"].startswith("/logout?request=")
    assert hint not in stored.headers["location"]
    response = browser.follow(stored)
    assert parameters_of(response, SCHEME_BACK) == [("state", STATE)] and not signed_in(browser)


def test_who_is_signed_out_already_is_sent_back_or_told(provider: Provider, browser: Browser) -> None:
    hint = sign_in(browser)["id_token"]
    for _ in range(2):
        response = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BACK, state="x")
        assert parameters_of(response, BACK) == [("state", "x")]
    assert says_signed_out(logout(provider.browser()))


# ---------------------------------------------------------------- whom it signs out


@pytest.mark.requirement("RPLOGOUT-2")
def test_a_link_with_a_strangers_hint_signs_nobody_out(provider: Provider, browser: Browser) -> None:
    strangers = sign_in(provider.browser(), RP, CAROL)["id_token"]
    sign_in(browser)
    page = logout(browser, id_token_hint=strangers, post_logout_redirect_uri=BACK, state="x")
    assert asks(page) and "alice" in page.text and "Client rp" in page.text
    assert signed_in(browser)
    assert browser.follow(browser.submit(page, **CONFIRM)).headers["location"] == f"{BACK}?state=x"
    assert not signed_in(browser)


def test_the_hint_of_an_older_session_of_the_same_user_asks(browser: Browser) -> None:
    older = sign_in(browser)["id_token"]
    logout(browser, id_token_hint=older)
    sign_in(browser)
    assert asks(logout(browser, id_token_hint=older, post_logout_redirect_uri=BACK)) and signed_in(browser)


def test_a_cross_site_post_in_another_browser_asks_there(provider: Provider, browser: Browser) -> None:
    """The attacker's own request, and the victim sent to finish it."""
    attackers = provider.browser()
    hint = sign_in(attackers, RP, CAROL)["id_token"]
    stored = attackers.http.post("/logout", data={"id_token_hint": hint, "post_logout_redirect_uri": BACK})
    sign_in(browser)
    assert asks(browser.get(stored.headers["location"])) and signed_in(browser)
    taken = attackers.get(stored.headers["location"])
    assert taken.status_code == 400 and "another browser" in error_of(taken), "bound to the first that came for it"


def test_a_web_sign_in_ends_and_an_app_lives_on(provider: Provider, browser: Browser) -> None:
    web, app = sign_in(browser), sign_in(browser, "rp-app")
    logout(browser, id_token_hint=web["id_token"])
    assert provider.userinfo(web["access_token"]).status_code == 401
    assert provider.userinfo(app["access_token"]).status_code == 200
    assert queued(provider) == [RP]
    assert provider.events().count("session_ended") == 1


def test_everywhere_ends_the_apps_and_the_other_browsers_too(provider: Provider, browser: Browser) -> None:
    other = provider.browser()
    sign_in(other, OTHER_RP)
    app = sign_in(browser, "rp-app")
    provider.clock.advance(seconds=1)
    after = browser.submit(logout(browser), **EVERYWHERE)
    assert says_signed_out(after) and not signed_in(browser) and not signed_in(other)
    assert provider.userinfo(app["access_token"]).status_code == 401
    assert queued(provider) == [OTHER_RP]


def test_staying_changes_nothing(browser: Browser) -> None:
    sign_in(browser)
    page = logout(browser)
    after = browser.submit(page, action="cancel")
    assert 'id="still-signed-in"' in after.text and signed_in(browser)
    again = browser.submit(page, **CONFIRM)
    assert 'id="still-signed-in"' in again.text and signed_in(browser), "that answer was given"
