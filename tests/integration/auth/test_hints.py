"""login_hint and id_token_hint: they help, and open nothing (OpenID Connect Core s3.1.2.1)."""

from typing import Any

import jwt
import pytest

from tests.integration.auth.provider import Browser, Provider, answer_of, claims_of, code_of
from tests.integration.auth.seeds import ALICE, APP_LINK, BOB, CAROL, PORTAL, PORTAL_CALLBACK, PORTAL_SECRET


def hint_of(provider: Provider, who: tuple[str, str] = ALICE) -> str:
    return str(provider.sign_in(who)["id_token"])


def test_hint_of_a_stranger(provider: Provider, browser: Browser) -> None:
    """No silent success for another user than the hint names, and no code for one either."""
    hint = hint_of(provider, CAROL)
    browser.sign_in()
    asked: dict[str, Any] = {"redirect_uri": APP_LINK, "id_token_hint": hint}
    assert answer_of(browser.authorize(**asked, prompt="none"))["error"] == "login_required"
    page = browser.open(**asked)
    assert 'id="password"' in page.text and "carol" not in page.text, "the hint tells nobody's name"
    answer = answer_of(browser.enter_password(page, ALICE))
    assert answer["error"] == "login_required" and "code" not in answer
    assert "code" in answer_of(browser.enter_password(browser.open(**asked), CAROL))


def test_an_expired_hint_of_another_client_is_fine(provider: Provider, browser: Browser) -> None:
    tokens = provider.sign_in(
        client_id="other-app", redirect_uri="https://other.company.localhost/callback", scope="openid"
    )
    browser.sign_in()
    provider.clock.advance(hours=2)
    answer = browser.authorize(**PORTAL, id_token_hint=tokens["id_token"], prompt="none")
    again = provider.redeem(
        code_of(answer), redirect_uri=PORTAL_CALLBACK, client_id="portal", client_secret=PORTAL_SECRET
    )
    assert claims_of(again.json()["id_token"])["sub"] == claims_of(tokens["id_token"])["sub"]


@pytest.mark.parametrize("kind", ["garbage", "unsigned", "foreign", "access", "altered", "8 KB", "1 MB", "\u00e4"])
def test_an_invalid_hint_is_invalid_request(provider: Provider, browser: Browser, kind: str) -> None:
    tokens = provider.sign_in()
    header, payload, signature = tokens["id_token"].split(".")
    claims = claims_of(tokens["id_token"])
    hint = {
        "unsigned": jwt.encode(claims, "", algorithm="none", headers={"typ": "JWT"}),
        "foreign": jwt.encode(claims, "k" * 32, algorithm="HS256", headers={"typ": "JWT"}),
        "access": tokens["access_token"],
        "altered": f"{header}.{payload[:-4]}AAAA.{signature}",
        "8 KB": "x" * 8192,
        "1 MB": "e" * 1_000_000,
    }.get(kind, kind)
    answer = answer_of(browser.authorize(id_token_hint=hint[:60_000]))
    assert answer["error"] == "invalid_request"
    assert answer["error_description"] == "The id_token_hint is not an ID token of this provider."


def test_a_hint_and_a_sub_that_differ_are_invalid_request(provider: Provider, browser: Browser) -> None:
    claims = '{"id_token":{"sub":{"value":"somebody else"}}}'
    answer = answer_of(browser.authorize(id_token_hint=hint_of(provider), claims=claims))
    assert answer["error"] == "invalid_request"


@pytest.mark.requirement("OIDC-3.1.2.1-login-hint")
@pytest.mark.parametrize("hint", ["alice", "nobody", "\u00e4<script>", "x" * 8192])
def test_login_hint_prefills_and_tells_nothing(provider: Provider, hint: str) -> None:
    browser = provider.browser()
    page = browser.open(login_hint=hint)
    assert page.status_code == 200 and "<script>" not in page.text
    other = provider.browser().open(login_hint="somebody-else")
    assert len(page.text) - len(other.text) < 400, "the same page for every name"
    assert "code" in answer_of(browser.enter_otp(browser.enter_password(page, BOB))), "and can be overtyped"
