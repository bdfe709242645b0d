"""Consent, step-up and form_post in a real browser, with JavaScript and without."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from mobile.simulator import ALICE, BOB
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor, give_password, sign_in
from tests.e2e.phones import Phones
from tests.support.browser import capture_deep_link, look

VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-00"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def link(phones: Phones, **changes: str) -> str:
    asked = {
        "response_type": "code",
        "client_id": "mobile-app",
        "redirect_uri": "myapp://callback",
        "scope": "openid profile email crm:read offline_access",
        "state": "a state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return f"{phones.stack.auth}/authorize?{urlencode(asked)}"


class Client(BaseHTTPRequestHandler):
    """An application on this machine: it takes what is posted to its callback."""

    received: ClassVar[list[dict[str, str]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.received.append(dict(parse_qsl(body)))
        self._answer(b"<!doctype html><title>Welcome</title><p id=welcome>Welcome</p>")

    def do_GET(self) -> None:
        """At the callback go on to another origin, as many applications do."""
        if self.path.startswith("/callback?"):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.headers['Host'].rpartition(':')[2]}/home")
            self.end_headers()
            return
        self._answer(b"<!doctype html><title>Welcome</title><p id=welcome>Welcome</p>")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def client_server() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A client's callback on a free loopback port, and what was posted to it."""
    received: list[dict[str, str]] = []
    handler = type("ThisClient", (Client,), {"received": received})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/callback", received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_person_allows_and_denies(new_visitor: NewVisitor, phones: Phones, *, javascript: bool) -> None:
    visitor = new_visitor(javascript=javascript)
    tab = visitor.open(link(phones, prompt="consent"))
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("#scopes li")).to_have_count(5)
    if not javascript:
        tab.click("#allow")
        expect(tab.locator("form.moved")).to_be_visible()
    deep_link = capture_deep_link(tab, lambda: tab.click("#allow"))
    assert "code" in parse_qs(urlsplit(deep_link).query)

    tab = visitor.open(link(phones, prompt="consent"))
    expect(tab.locator("#allow")).to_be_visible()
    deep_link = capture_deep_link(tab, lambda: tab.click("#deny"))
    assert parse_qs(urlsplit(deep_link).query)["error"] == ["access_denied"]


@pytest.mark.requirement("FORMPOST-2")
@pytest.mark.parametrize("javascript", [True, False])
def test_an_answer_is_posted(
    new_visitor: NewVisitor,
    phones: Phones,
    client_server: tuple[str, list[dict[str, str]]],
    *,
    javascript: bool,
) -> None:
    """By itself, or by a button; the policy of the page lets it through to this client."""
    callback, received = client_server
    visitor = new_visitor(javascript=javascript)
    visitor.origins.add(callback.removesuffix("/callback"))
    tab = visitor.open(link(phones, redirect_uri=callback, response_mode="form_post"))
    give_password(tab, ALICE)
    tab.click("#sign-in")
    if not javascript:
        expect(tab.locator("#back")).to_be_visible()
        for colours in ("light", "dark"):
            tab.emulate_media(color_scheme=colours)
            look(tab, f"form-post-{colours}")
        tab.click("#back")
    expect(tab.locator("#welcome")).to_be_visible()
    assert [set(answer) for answer in received] == [{"code", "state", "iss"}]
    assert received[0]["state"] == "a state"


def test_a_callback_that_leads_on_to_another_origin_is_followed(
    visitor: Visitor, phones: Phones, client_server: tuple[str, list[dict[str, str]]]
) -> None:
    """A policy of ours must not bind what happens on the client's site: the person would stay on our page."""
    callback, _ = client_server
    origin = callback.removesuffix("/callback")
    visitor.origins |= {origin, origin.replace("127.0.0.1", "localhost")}
    tab = visitor.open(link(phones, redirect_uri=callback))
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("#welcome")).to_be_visible()
    tab = visitor.open(link(phones, redirect_uri=callback))
    tab.click("#continue")
    expect(tab.locator("#welcome")).to_be_visible()
    assert urlsplit(tab.url).hostname == "localhost"


def test_step_up_asks_for_the_second_factor_alone(visitor: Visitor, phones: Phones) -> None:
    phones.await_new_code(BOB)
    sign_in(visitor.open(link(phones)), BOB, phones.clock)
    phones.stack.advance(600)
    tab = visitor.open(link(phones, acr_values="urn:company:acr:mfa", max_age="300"))
    expect(tab.locator("#otp")).to_be_visible()
    assert tab.locator("#password").count() == 0
    look(tab, "step-up")
    tab.fill("#otp", BOB.one_time_code(phones.clock))
    deep_link = capture_deep_link(tab, lambda: tab.click("#verify"))
    assert "code" in parse_qs(urlsplit(deep_link).query)


def test_back_to_a_page_of_an_answered_request_breaks_nothing(visitor: Visitor, phones: Phones) -> None:
    tab = visitor.open(link(phones, prompt="consent"))
    give_password(tab, ALICE)
    tab.click("#sign-in")
    expect(tab.locator("#allow")).to_be_visible()
    capture_deep_link(tab, lambda: tab.click("#allow"))
    tab.goto(tab.url)  # the page that is still shown, loaded anew
    expect(tab.locator("#signed-in")).to_be_visible()
