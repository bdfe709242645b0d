"""Mail that tells a person what happened, and the proof of another address (ADR-0119)."""

from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from services.auth.accounts.email_address import parse_email_address
from services.auth.storage.tables import mails, users
from shared.testing import ALICE as ALICE_ID
from shared.testing import SettableClock
from tests.integration.auth.account import act, done_of, form_token, sign_in_to
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, error_of, oauth_error, start
from tests.integration.auth.seeds import ALICE, BOB
from tests.integration.auth.test_mail import deliver, link_in, settings
from tests.support.mail_server import Mailbox, mail_server
from tests.support.ports import free_ports

OLD, NEW = "alice@company.example", "alice.new@company.example"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock, mailbox: Mailbox) -> Iterator[Provider]:
    port = free_ports(1)[0]
    running = start(tmp_path, clock, **settings(port))
    with running.context.database.transaction() as stores:
        stores.people.set_email(UUID(ALICE_ID), parse_email_address(OLD), verified_at=clock.now(), now=clock.now())
    with mail_server(mailbox, port=port):
        yield running
    stop(running)


def kinds(provider: Provider) -> list[str]:
    with provider.database.autocommit() as db:
        return list(db.execute(select(mails.c.kind).order_by(mails.c.id)).scalars())


def address_of(provider: Provider) -> tuple[str | None, bool]:
    with provider.database.autocommit() as db:
        row = db.execute(select(users.c.email, users.c.email_verified_at).where(users.c.id == UUID(ALICE_ID))).one()
    return row.email, row.email_verified_at is not None


def received(provider: Provider, mailbox: Mailbox, to: str) -> EmailMessage:
    deliver(provider)
    return [message for message in mailbox.messages if message["To"] == to][-1]


def ask_for(browser: Browser, address: str) -> None:
    page = act(browser, "/account/email", "send-verification", email=address)
    assert done_of(page).startswith("A link is on its way")


def test_a_browser_that_is_new_is_told_of_and_one_that_is_known_is_not(provider: Provider, mailbox: Mailbox) -> None:
    browser = provider.browser(network="198.51.100.9", agent="Thief/1")
    sign_in_to(browser, "/account", ALICE)
    told = received(provider, mailbox, OLD)
    assert told["Subject"] == "A new sign-in to Company"
    assert "198.51.100.9" in str(told) and "Thief/1" in str(told)
    browser.sign_in(ALICE, prompt="login")
    assert kinds(provider) == ["new_device"]


def test_a_wrong_password_tells_nobody(provider: Provider, browser: Browser) -> None:
    browser.enter_password(browser.open(), (ALICE[0], "a wrong one"))
    assert kinds(provider) == []


def test_a_refresh_token_that_is_used_twice_is_told_once(provider: Provider, mailbox: Mailbox) -> None:
    tokens = provider.sign_in(ALICE)
    provider.refresh(tokens["refresh_token"])
    provider.clock.advance(minutes=2)
    for _ in range(2):
        assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert kinds(provider) == ["new_device", "reuse_detected"]
    assert received(provider, mailbox, OLD)["Subject"] == "A sign-in at Company was ended for your safety"


def test_an_address_counts_once_its_link_is_used_and_the_one_before_is_told(
    provider: Provider, mailbox: Mailbox
) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    ask_for(browser, NEW)
    assert address_of(provider) == (OLD, True)
    link = link_in(received(provider, mailbox, NEW))
    elsewhere = provider.browser()
    page = elsewhere.get(link)
    assert NEW in page.text
    assert address_of(provider) == (OLD, True), "opening it changes nothing"
    assert 'id="address-verified"' in elsewhere.press(page, "confirm-address").text
    assert 'id="address-verified"' in elsewhere.press(page, "confirm-address").text, "sent twice, answered twice"
    assert address_of(provider) == (NEW, True)
    assert received(provider, mailbox, OLD)["Subject"] == "Your e-mail address at Company was changed"
    assert provider.browser().get(link).status_code == 400
    assert elsewhere.get("/account").status_code == 303, "it signs nobody in"
    assert provider.browser().sign_in((NEW, ALICE[1])).status_code == 303


def test_a_link_is_over_after_a_day(provider: Provider, mailbox: Mailbox) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    ask_for(browser, NEW)
    link = link_in(received(provider, mailbox, NEW))
    provider.clock.advance(hours=24)
    assert provider.browser().get(link).status_code == 400


def test_an_address_of_somebody_else_is_told_to_its_reader_alone(provider: Provider, mailbox: Mailbox) -> None:
    with provider.context.database.transaction() as stores:
        bob = stores.users.find_by_username(BOB[0])
        assert bob is not None
        now = provider.clock.now()
        stores.people.set_email(bob.id, parse_email_address("bob@company.example"), verified_at=now, now=now)
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    ask_for(browser, "bob@company.example")
    page = browser.get(link_in(received(provider, mailbox, "bob@company.example")))
    assert error_of(browser.press(page, "confirm-address")) == "Somebody else signs in by this e-mail address."
    assert address_of(provider) == (OLD, True)


def test_nobody_is_flooded_with_links(provider: Provider) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    for number in range(5):
        ask_for(browser, f"victim-{number}@company.example")
    form = {"csrf": form_token(browser), "email": "victim-9@company.example", "action": "send-verification"}
    refused = browser.http.post("/account/email", data=form)
    assert error_of(refused) == "There were too many mails to that address. Try again in an hour."


@pytest.mark.parametrize("typed", ["", "no address", "a@b@c", "x" * 3000, "a\u202e@company.example"], ids=str.__len__)
def test_what_is_no_address_is_refused_with_what_was_typed_still_there(provider: Provider, typed: str) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    form = {"csrf": form_token(browser), "email": typed, "action": "send-verification"}
    refused = browser.http.post("/account/email", data=form)
    assert refused.status_code == 400
    assert error_of(refused)
    assert kinds(provider) == ["new_device"]


def test_another_address_asks_for_a_sign_in_of_ten_minutes(provider: Provider) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", BOB)
    token = form_token(browser)
    provider.clock.advance(minutes=10, seconds=1)
    form = {"csrf": token, "email": NEW, "action": "send-verification"}
    page = browser.follow(browser.http.post("/account/email", data=form))
    assert 'id="otp"' in page.text, "with a password of today the second step is enough"
    back = browser.enter_otp(page)
    assert back.headers["location"].endswith("/account/email")
    assert "New address" in browser.get("/account/email").text


def test_without_a_second_step_a_fresh_sign_in_is_the_password_of_the_same_person(provider: Provider) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    provider.clock.advance(minutes=10, seconds=1)
    page = browser.follow(browser.get("/account/lost-phone"))
    assert "Confirm it is you" in page.text
    somebody_else = browser.enter_otp(browser.enter_password(page, BOB))
    assert "/account/lost-phone?error=" in somebody_else.headers["location"]
    assert browser.follow(browser.get(somebody_else.headers["location"])).url.path == "/account"


def test_a_lost_phone_ends_everything_else_with_one_mail(provider: Provider, mailbox: Mailbox) -> None:
    lost = provider.browser()
    app = provider.sign_in(ALICE)
    sign_in_to(lost, "/account", ALICE)
    here = provider.browser()
    sign_in_to(here, "/account", ALICE)
    before = dict(here.cookies)
    own_app = provider.sign_in(ALICE)
    deliver(provider)
    mailbox.raw.clear()
    page = act(here, "/account/lost-phone", "confirm-lost-phone")
    assert done_of(page).startswith("Everything else is signed out")
    assert here.cookies["SSO_SESSION"] != before["SSO_SESSION"]
    assert lost.get("/account").status_code == 303
    for tokens in (app, own_app):
        assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_grant"
    deliver(provider)
    assert [message["Subject"] for message in mailbox.messages] == ["Everything at Company was signed out"]
    stolen = provider.browser()
    stolen.http.cookies.set("SSO_SESSION", before["SSO_SESSION"])
    assert stolen.get("/account").status_code == 303


def test_a_lost_phone_takes_its_second_steps_with_it(provider: Provider) -> None:
    here = provider.browser()
    sign_in_to(here, "/account", BOB)
    act(here, "/account/lost-phone", "confirm-lost-phone")
    assert "You sign in by your password alone." in here.get("/account").text
    with provider.context.database.autocommit() as stores:
        bob = stores.users.find_by_username(BOB[0])
        assert bob is not None and not bob.has_second_factor


def test_security_txt_names_whom_to_tell_only_when_somebody_is_named(provider: Provider) -> None:
    assert provider.http.get("/.well-known/security.txt").status_code == 404
    named = provider.restarted(security_contact="mailto:security@company.example")
    text = named.http.get("/.well-known/security.txt")
    assert text.headers["content-type"].startswith("text/plain")
    assert "Contact: mailto:security@company.example\n" in text.text
    assert f"Canonical: {named.settings.issuer}/.well-known/security.txt\n" in text.text
    expires = text.text.split("Expires: ")[1][:10]
    assert expires == (provider.clock.now() + timedelta(days=180)).strftime("%Y-%m-%d")
    stop(named)


def test_a_password_manager_finds_the_page_where_a_password_is_changed(provider: Provider) -> None:
    answer = provider.http.get("/.well-known/change-password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/sign-in-methods")
