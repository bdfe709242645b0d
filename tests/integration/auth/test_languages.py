"""Which language a page is in: the application's wish, the person's choice, the browser's preference.

Policy: ADR-0122
"""

import re

import httpx2
import pytest

from tests.integration.auth.provider import Browser, Provider
from tests.integration.auth.seeds import ALICE


def language_of(page: httpx2.Response) -> str:
    found = re.search(r'<html lang="([^"]*)">', page.text)
    assert found, page.text
    return found[1]


def prefers(browser: Browser, header: str) -> Browser:
    browser.http.headers["Accept-Language"] = header
    return browser


def test_a_browser_that_asks_for_nothing_gets_english(browser: Browser) -> None:
    assert language_of(browser.open()) == "en"


def test_a_browser_gets_the_language_that_it_prefers_on_each_kind_of_page(provider: Provider) -> None:
    browser = prefers(provider.browser(), "nl,de-CH;q=0.9,en;q=0.8")
    for page in (browser.open(), browser.get("/"), browser.get("/no-such-page"), browser.get("/authorize")):
        assert language_of(page) == "de"


def test_an_applications_wish_counts_for_more_and_is_remembered_through_the_steps(provider: Provider) -> None:
    browser = prefers(provider.browser(), "de")
    page = browser.open(ui_locales="xx fr-CA en")
    assert language_of(page) == "fr"
    again = browser.enter_password(page, (ALICE[0], "wrong"))
    assert language_of(again) == "fr"


def test_a_wish_that_names_none_of_our_languages_is_no_wish(provider: Provider) -> None:
    assert language_of(prefers(provider.browser(), "ja").open(ui_locales="tlh not-a_locale")) == "ja"


def test_a_pushed_wish_counts(provider: Provider) -> None:
    pushed = provider.push(ui_locales="es").json()["request_uri"]
    browser = provider.browser()
    page = browser.follow(browser.http.get("/authorize", params={"client_id": "partner-web", "request_uri": pushed}))
    assert language_of(page) == "es"


def test_the_page_of_a_request_that_is_over_is_in_the_language_of_the_request(provider: Provider) -> None:
    browser = provider.browser()
    page = browser.open(ui_locales="ja")
    provider.clock.advance(hours=1)
    assert language_of(browser.get(str(page.url))) == "ja"


def test_a_person_chooses_another_language_on_the_page_and_it_is_remembered(provider: Provider) -> None:
    browser = provider.browser()
    answer = browser.get("/?set_language=es")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert language_of(browser.follow(answer)) == "es"
    assert language_of(browser.open()) == "es"


def test_a_choice_within_a_sign_in_counts_for_more_than_its_application_and_for_less_than_the_next(
    provider: Provider,
) -> None:
    browser = provider.browser()
    page = browser.open(ui_locales="fr")
    chosen = browser.follow(browser.get(f"{page.url}&set_language=de"))
    assert language_of(chosen) == "de"
    assert language_of(browser.enter_password(chosen, (ALICE[0], "wrong"))) == "de"
    assert language_of(browser.open(ui_locales="fr")) == "fr"
    assert language_of(browser.open()) == "de"


@pytest.mark.parametrize("value", ["xx", "", "de.", "../de", "de%0d%0aSet-Cookie:a=b", "%ff"])
def test_a_language_that_is_none_of_ours_is_not_kept(provider: Provider, value: str) -> None:
    answer = provider.browser().get(f"/?set_language={value}")
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["xx", "de" * 5000, '"de"', "de;de", ".", "\\" * 5000], ids=lambda value: value[:3])
def test_a_cookie_that_we_did_not_write_chooses_nothing(provider: Provider, cookie: str) -> None:
    answer = provider.browser().http.get("/", headers={"Cookie": f"SSO_LANGUAGE={cookie}"})
    assert answer.status_code == 200
    assert language_of(answer) in {"en", "de"}


@pytest.mark.parametrize("path", ["//attacker.example/", "/\\attacker.example", "/.well-known/jwks.json", "/token"])
def test_choosing_a_language_leads_nowhere_else(provider: Provider, path: str) -> None:
    answer = provider.browser().http.get(f"{provider.settings.issuer}{path}?set_language=de")
    assert "attacker" not in answer.headers.get("location", "")
    assert "set-cookie" not in answer.headers


def test_an_application_may_say_set_language_in_its_state(provider: Provider) -> None:
    """The page would lead to itself for ever."""
    page = provider.browser().open(state="/shop?set_language=de")
    assert (page.status_code, language_of(page)) == (200, "en")


def test_the_cookie_of_a_language_is_host_only(https_provider: Provider) -> None:
    cookie = https_provider.browser().get("/?set_language=de").headers["set-cookie"]
    assert cookie.startswith("__Host-SSO_LANGUAGE=de;")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert attribute in cookie


def test_a_client_is_answered_in_english_whatever_its_person_reads(provider: Provider) -> None:
    browser = prefers(provider.browser(), "de")
    english = provider.browser().authorize(scope="no-such-scope").headers["location"]
    assert browser.authorize(scope="no-such-scope").headers["location"] == english
    answer = provider.post("/token", {"grant_type": "nothing"}, Accept_Language="de")
    assert answer.json() == provider.post("/token", {"grant_type": "nothing"}).json()


def test_the_addresses_in_other_languages_hold_nothing_of_a_strangers_link(provider: Provider) -> None:
    """A page repeats no token that came with it, and leads back to its own waiting request."""
    secret = "eyJhbGciOiJub25lIn0.e30."
    page = provider.browser().http.get("/logout", params={"id_token_hint": secret, "state": "s", "x": "marked"})
    assert secret not in page.text and "marked" not in page.text
    assert re.search(r'href="/logout\?(request=[\w-]+&amp;)?set_language=de"', page.text)
