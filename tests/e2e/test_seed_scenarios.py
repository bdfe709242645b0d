"""The scenarios that the suite was built for, each across the three real processes."""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest

from mobile.errors import SignInRequired
from mobile.faults import Wiretap
from mobile.page import Page
from mobile.simulator import ALICE, BOB, DeepLink
from tests.e2e.phones import SUBJECTS, Phones, Wire, names, tokens_of
from tests.support.stack import Stack

ACCESS_TOKEN_LIFETIME = 900
LEEWAY = 30


def test_scenario_1_sign_in_via_the_mobile_app(suite: Stack, phones: Phones) -> None:
    network = Wiretap()
    phone = phones.phone()
    app = phone.install("app", network)

    # 1. the token storage is empty: the app knows without asking anybody
    with pytest.raises(SignInRequired):
        app.client.get(f"{suite.crm}/api/contacts")
    assert network.exchanges == []

    # 2. /authorize in the system browser, with the PKCE challenge
    url = app.client.begin_sign_in()
    asked = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{suite.auth}/authorize?")
    assert (asked["client_id"], asked["redirect_uri"]) == ("mobile-app", "myapp://callback")
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")

    # 3. the password; the session's cookie is in the browser
    link = phone.browser.sign_in(url, ALICE)
    assert phone.browser.visited == ["/login"]
    (session,) = (cookie for cookie in phone.browser.cookies.jar if cookie.name == "SSO_SESSION")
    assert session.has_nonstandard_attr("HttpOnly")
    assert session.path == "/"

    # 4. back to the app by deep link
    assert link.url.startswith("myapp://callback?code=")
    assert set(link.parameters) == {"code", "state", "iss"}
    assert link.parameters["iss"] == suite.auth

    # 5. the code is exchanged; both tokens are signed with RS256 by a key of the JWKS
    tokens = app.client.finish_sign_in(link.url)
    (exchange,) = network.stolen("authorization_code")
    assert set(exchange.form) == {"grant_type", "code", "redirect_uri", "code_verifier", "client_id"}
    answer = exchange.response.json()
    assert {"access_token", "id_token", "refresh_token"} <= set(answer)
    assert answer["expires_in"] == ACCESS_TOKEN_LIFETIME
    published = phone.browser.open(f"{suite.auth}/.well-known/jwks.json")
    assert isinstance(published, Page) and published.status == 200
    for token, typ in ((answer["access_token"], "at+jwt"), (answer["id_token"], "JWT")):
        header = jwt.get_unverified_header(token)
        assert (header["alg"], header["typ"]) == ("RS256", typ)
    assert tokens.claims["sub"] == SUBJECTS["alice"]

    # 6. stored, for the app's next start too, and for its owner's eyes alone
    assert phone.install("app").client.tokens() == tokens
    file = phones.directory / "phone-0" / "app.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_scenario_1_with_a_second_factor(phones: Phones) -> None:
    phone = phones.phone()
    app = phone.install("app")
    phones.await_new_code(BOB)
    page = phone.browser.open(app.client.begin_sign_in())
    assert isinstance(page, Page)
    page = phone.browser.click(page, "sign-in", username=BOB.username, password=BOB.password)
    assert isinstance(page, Page) and page.has("otp")
    assert "SSO_SESSION" not in phone.browser.cookies  # a password alone is not a session
    link = phone.browser.click(page, "verify", otp=BOB.one_time_code(phones.clock))
    assert isinstance(link, DeepLink)
    claims = app.client.finish_sign_in(link.url).claims
    assert phone.browser.visited == ["/login", "/mfa"]
    assert claims["sub"] == SUBJECTS["bob"]
    assert claims["acr"] == "urn:company:acr:mfa"
    assert set(claims["amr"]) >= {"pwd", "otp"}


def test_scenarios_2_and_3_one_token_opens_both_servers(suite: Stack, phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(ALICE)
    assert {"Mad Hatter", "Cheshire Cat"} <= names(app.client.get(f"{suite.crm}/api/contacts"))
    orders = app.client.get(f"{suite.orders}/api/orders").json()["items"]
    assert {"EUR"} <= {order["currency"] for order in orders}
    access_token = tokens_of(app).access_token
    assert wire.contacts(access_token).status_code == wire.orders(access_token).status_code == 200
    assert wire.contacts(None).status_code == wire.orders(None).status_code == 401


def test_an_expired_access_token_is_refreshed_without_signing_in_again(
    suite: Stack, phones: Phones, wire: Wire
) -> None:
    network = Wiretap()
    app = phones.signed_in(ALICE, network)
    old = tokens_of(app)
    pages = list(app.browser.visited)
    suite.advance(ACCESS_TOKEN_LIFETIME + LEEWAY + 1)
    for answer in (wire.contacts(old.access_token), wire.orders(old.access_token)):
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]

    assert app.client.get(f"{suite.crm}/api/contacts").status_code == 200
    new = tokens_of(app)
    assert app.client.get(f"{suite.orders}/api/orders").status_code == 200
    assert len(network.stolen("refresh_token")) == 1  # the second call needed none
    assert app.browser.visited == pages
    assert new.access_token != old.access_token
    assert new.refresh_token != old.refresh_token
    assert {new.claims[name] == old.claims[name] for name in ("sub", "auth_time", "sid", "acr")} == {True}
    assert "nonce" not in new.claims


def test_a_second_app_on_the_phone_needs_no_password(suite: Stack, phones: Phones) -> None:
    phone = phones.phone()
    first, second = phone.install("first"), phone.install("second")
    first.sign_in(ALICE)
    phone.browser.visited.clear()
    second.sign_in(ALICE)
    assert phone.browser.visited == ["/continue", "/continue"]  # without a script: one more click
    assert second.client.get(f"{suite.crm}/api/contacts").status_code == 200
    assert tokens_of(first).claims["sid"] == tokens_of(second).claims["sid"]


def test_the_mobile_flow_uses_no_cookies(suite: Stack, phones: Phones) -> None:
    network = Wiretap()
    app = phones.signed_in(ALICE, network)
    app.client.get(f"{suite.crm}/api/contacts")
    app.client.get(f"{suite.orders}/api/orders")
    app.client.userinfo()
    app.client.refresh()
    app.client.sign_out()
    went_by = {exchange.request.url.path: exchange for exchange in network.exchanges}
    assert {"/token", "/revoke", "/userinfo", "/api/contacts", "/api/orders"} <= set(went_by)
    for path, exchange in went_by.items():
        assert "cookie" not in exchange.request.headers, path
        assert "set-cookie" not in exchange.response.headers, path


def test_the_servers_keep_no_session(stack: Stack, tmp_path: Path, http: httpx2.Client) -> None:
    phones, wire = Phones(stack, tmp_path), Wire(stack, http)
    access_token = tokens_of(phones.signed_in(ALICE)).access_token
    phones.close()
    before = [_dump(stack, name) for name in ("crm", "orders")]
    assert wire.contacts(access_token).status_code == wire.orders(access_token).status_code == 200
    assert [_dump(stack, name) for name in ("crm", "orders")] == before


def test_no_request_to_an_api_asks_the_provider(suite: Stack, phones: Phones, wire: Wire) -> None:
    access_token = tokens_of(phones.signed_in(ALICE)).access_token
    before = _asked_of_the_provider(suite)
    for _ in range(20):
        assert wire.contacts(access_token).status_code == wire.orders(access_token).status_code == 200
    assert _asked_of_the_provider(suite) == before


def _dump(stack: Stack, service: str) -> list[str]:
    with closing(sqlite3.connect(f"file:{stack.data / service}.sqlite3?mode=ro", uri=True)) as database:
        return list(database.iterdump())


def _asked_of_the_provider(suite: Stack) -> list[str]:
    """Return the paths that the provider has answered; of the keys' it is asked every few minutes, not by a request."""
    lines = [json.loads(line) for line in suite.log().splitlines() if line.startswith("{")]
    asked = [line["path"] for line in lines if line["service"] == "auth" and line["logger"] == "request"]
    return [path for path in asked if path != "/.well-known/jwks.json"]
