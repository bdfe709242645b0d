"""What somebody does to the mail of everybody else, from an account of their own (ADR-0093, ADR-0119)."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.auth.mail.delivery import MailDelivery
from services.auth.mail.message import compose
from services.auth.mail.outbox import Mail, MailKind, queue_verification
from services.auth.mail.transport import Connection
from services.auth.storage.people import SqlPeople
from services.auth.storage.tables import mails
from shared.testing import SettableClock
from tests.integration.auth.account import act, form_token, sign_in_to
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, error_of, start
from tests.integration.auth.seeds import ALICE, CAROL
from tests.integration.auth.test_mail import ask, deliver, delivery_of, link_in, settings
from tests.support.mail_server import Mailbox, mail_server
from tests.support.ports import free_ports

#: `email` reads its local part as an encoded word, and refuses it in a header.
POISON = "=?utf-8?q?x?=@attacker.example"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock, mailbox: Mailbox) -> Iterator[Provider]:
    port = free_ports(1)[0]
    running = start(tmp_path, clock, **settings(port))
    with mail_server(mailbox, port=port, utf8=False):
        yield running
    stop(running)


def outcome_of(provider: Provider, kind: str) -> str | None:
    with provider.database.autocommit() as db:
        found: str | None = db.execute(select(mails.c.outcome).where(mails.c.kind == kind)).scalar_one()
    return found


def ask_for(provider: Provider, address: str) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    act(browser, "/account/email", "send-verification", email=address)


def queue_poison(provider: Provider) -> None:
    """Queue what the page refuses by now: it may wait since an older release."""
    with provider.context.database.transaction() as stores:
        alice = stores.users.find_by_username(ALICE[0])
        assert alice is not None and queue_verification(stores, alice.id, POISON, provider.clock.now())


def test_an_address_in_another_script_stops_no_mail_of_a_server_without_smtputf8(
    provider: Provider, mailbox: Mailbox
) -> None:
    ask_for(provider, "a@bücher.example")
    ask(provider.browser(), "bob")
    deliver(provider)
    assert {"a@xn--bcher-kva.example", "bob@company.localhost"} <= set(mailbox.recipients)


def test_a_message_that_needs_smtputf8_is_refused_for_good_and_the_others_go_on(
    provider: Provider, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def needy(*arguments: Any, to: str, **more: Any) -> EmailMessage:
        message = compose(*arguments, to=to, **more)
        if to == "new@company.example":
            message.replace_header("To", "ñ@company.example")
        return message

    monkeypatch.setattr("services.auth.mail.delivery.compose", needy)
    ask_for(provider, "new@company.example")
    ask(provider.browser(), "bob")
    deliver(provider)
    assert outcome_of(provider, "verification") == "refused"
    assert "bob@company.localhost" in mailbox.recipients


def test_an_address_that_no_header_can_hold_is_refused_where_it_is_typed(provider: Provider) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    form = {"csrf": form_token(browser), "email": POISON, "action": "send-verification"}
    refused = browser.http.post("/account/email", data=form)
    assert (refused.status_code, error_of(refused)) == (400, "Mail cannot be sent to that address.")


def test_a_poisoned_mail_holds_up_nobody_and_is_given_up(provider: Provider, mailbox: Mailbox) -> None:
    queue_poison(provider)
    ask(provider.browser(), "bob")
    deliver(provider)
    assert mailbox.recipients == ["bob@company.localhost"]
    provider.clock.advance(hours=25)
    deliver(provider)
    assert outcome_of(provider, "verification") == "given_up"


def test_a_poisoned_mail_leaves_no_address_in_the_log(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    queue_poison(provider)
    deliver(provider)
    assert "attempt 1" in caplog.text and "attacker" not in caplog.text


def end_by(owner: Browser, how: str) -> None:
    """End what the owner of an account has elsewhere. `how`: "end-others" or "confirm-lost-phone"."""
    act(owner, "/account/sessions" if how == "end-others" else "/account/lost-phone", how)


ENDS = pytest.mark.parametrize("how", ["end-others", "confirm-lost-phone"])


@ENDS
def test_a_link_of_a_thief_is_over_when_the_owner_ends_everything_else(
    provider: Provider, mailbox: Mailbox, how: str
) -> None:
    ask_for(provider, "thief@attacker.example")
    deliver(provider)
    link = next(link_in(each) for each in mailbox.messages if each["To"] == "thief@attacker.example")
    owner = provider.browser()
    sign_in_to(owner, "/account", ALICE)
    end_by(owner, how)
    assert provider.browser().get(link).status_code == 400


@ENDS
def test_a_link_that_a_thief_asked_for_is_not_even_sent_once_the_owner_has_ended_everything_else(
    provider: Provider, mailbox: Mailbox, how: str
) -> None:
    ask_for(provider, "thief@attacker.example")
    owner = provider.browser()
    sign_in_to(owner, "/account", ALICE)
    end_by(owner, how)
    deliver(provider)
    assert "thief@attacker.example" not in mailbox.recipients
    assert outcome_of(provider, "verification") == "dropped"


@ENDS
def test_a_mail_of_a_thief_that_is_being_sent_while_the_owner_ends_everything_else_brings_no_link(
    provider: Provider, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ask_for(provider, "thief@attacker.example")
    owner = provider.browser()
    sign_in_to(owner, "/account", ALICE)
    send = MailDelivery._send

    def end_and_send(self: MailDelivery, connection: Connection, mail: Mail) -> None:
        if mail.kind is MailKind.VERIFICATION:  # it is claimed
            end_by(owner, how)
        send(self, connection, mail)

    monkeypatch.setattr(MailDelivery, "_send", end_and_send)
    delivery_of(provider).deliver_due()
    assert "thief@attacker.example" not in mailbox.recipients


def test_a_reset_that_waits_since_before_everything_ended_brings_no_link(provider: Provider, mailbox: Mailbox) -> None:
    ask(provider.browser(), "alice")
    provider.clock.advance(seconds=1)
    owner = provider.browser()
    sign_in_to(owner, "/account", ALICE)
    end_by(owner, "confirm-lost-phone")
    deliver(provider)
    assert outcome_of(provider, "reset") == "dropped"


def test_two_people_who_prove_one_address_at_once_get_an_answer_each(
    provider: Provider, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = []
    for person in (ALICE, CAROL):
        browser = provider.browser()
        sign_in_to(browser, "/account", person)
        act(browser, "/account/email", "send-verification", email="shared@company.example")
        deliver(provider)
        links.append(link_in([each for each in mailbox.messages if each["To"] == "shared@company.example"][-1]))
    pages = [(browser, browser.get(link)) for link in links for browser in [provider.browser()]]
    monkeypatch.setattr(SqlPeople, "owner_of", lambda *_: None)  # both ask before either has written
    answers = [browser.press(page, "confirm-address") for browser, page in pages]
    assert 'id="error"' not in answers[0].text
    assert error_of(answers[1]) == "Somebody else signs in by this e-mail address."


def test_a_stranger_reads_nothing_that_the_sender_of_a_verification_chose(provider: Provider, mailbox: Mailbox) -> None:
    provider.sql("""UPDATE users SET claims = '{"name": "Locked! Go to https://evil.example/unlock"}'""")
    ask_for(provider, "victim@other.example")
    deliver(provider)
    message = next(each for each in mailbox.messages if each["To"] == "victim@other.example")
    bodies = [part.get_content() for part in message.walk() if not part.is_multipart()]
    assert len(bodies) == 2 and not any("evil.example" in body or "Locked" in body for body in bodies)
